import { initialContext } from '../model/lifecycle.js';
import { stopping, zombie } from './agent-ending.js';
import { paused, running } from './agent-running.js';
import { agentSetup } from './agent-setup.js';
import { spawning } from './agent-starting.js';
import { atRest, STATE } from './agent-transitions.js';

/*
 * One agent over all its incarnations. Invariant: `stopped`, `completed` and `failed` are entered only when the process tree of the incarnation is
 * verified gone; until then it is `stopping`, or `zombie` when it cannot be ended. The chart owns the lifecycle: no timer, flag or status outside of it
 * duplicates its state. Facts of another incarnation never arrive here: the actor turns them into dead letters.
 */

export const agentMachine = agentSetup.createMachine({
  id: 'agent',
  context: ({ input }) => initialContext(input),
  initial: 'stopped',
  states: {
    spawning,
    running,
    paused,
    stopping,
    zombie,
    settling: {
      id: 'settling',
      description: 'Nothing of it is left: it enters the state of rest that it was heading for.',
      entry: 'stopRuntimeTimer',
      always: [
        { guard: 'owesHookAfterEnd', target: '#concluding' },
        { guard: 'isCompleted', target: 'completed', actions: atRest('completed') },
        { guard: 'isStopped', target: 'stopped', actions: atRest('stopped') },
        { target: 'failed', actions: atRest('failed') },
      ],
    },
    failed: {
      description: 'It ended abnormally or never became ready, and its supervisor decides.',
      entry: 'noteEntry',
      initial: 'waiting',
      on: {
        START: 'spawning',
        STOP: { target: 'stopped', actions: STATE.stopped },
        RETRY: { target: '.retrying', actions: 'noteRetry' },
        EXHAUSTED: { target: '.exhausted', actions: 'noteRetry' },
      },
      states: {
        waiting: { description: 'Its supervisor has not decided yet, or will not restart it.' },
        retrying: {
          description: 'It is restarted after a delay, unless its supervisor ends before.',
          on: { RETRY_CANCELLED: { target: '#stopped', actions: STATE.stopped } },
        },
        exhausted: { description: 'Its restart budget is used up: it is not restarted any more.' },
      },
    },
    completed: {
      description: 'It ended by itself with success.',
      entry: 'noteEntry',
      on: { START: 'spawning', RETRY: { actions: 'noteRetry' }, RETRY_CANCELLED: { actions: 'noteRetry' } },
    },
    stopped: {
      id: 'stopped',
      description: 'It was never started, or it was stopped and nothing of it is left.',
      entry: 'noteEntry',
      on: { START: 'spawning' },
    },
  },
});

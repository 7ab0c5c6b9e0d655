import { agentSetup } from './agent-setup.js';
import { EXITED, LAUNCHED_WHILE_ENDING, NOTIFY, STATE, substate } from './agent-transitions.js';

const killed = ['noteStop', substate('stopping.killing')] as const;
const insisted = substate('stopping.insisting');
const swept = substate('stopping.sweeping');
const aborted = substate('stopping.aborting');
const drained = substate('stopping.draining');

/** The agent's state `stopping`: from the request to stop, or from its own end, until nothing of it is left. @internal */
export const stopping = agentSetup.createStateConfig({
  description: 'It is being stopped, or its main process ended and the rest of its process tree is being ended.',
  entry: ['noteEntry', 'stopRuntimeTimer', STATE.stopping],
  id: 'ending',
  initial: 'deciding',
  on: {
    ...LAUNCHED_WHILE_ENDING,
    SPAWN_FAILED: { target: '#ended', actions: ['noteDetail', 'recordExit'] },
    EXITED: [
      { guard: 'leavesNothing', target: '#ended', actions: ['noteExit', 'recordExit'] },
      { guard: 'leavesOutput', target: '#draining', actions: ['noteExit', 'recordExit', drained] },
      { guard: 'asksMainProcess', target: '#sweeping', actions: ['noteExit', 'recordExit', swept] },
      { actions: ['noteExit', 'recordExit'] },
    ],
    GONE: [
      { guard: 'neverRan', target: '#ended', actions: 'recordExit' },
      { guard: 'isDrained', target: '#ended' },
      { target: '#draining', actions: drained },
    ],
    DRAINED: { actions: 'noteDrained' },
    STOP: [{ guard: 'isBrutal', target: '#killing', actions: killed }, { actions: 'noteStop' }],
  },
  states: {
    deciding: {
      description: 'Its standard input may have to be closed first.',
      always: [{ guard: 'closesInput', target: 'closing' }, { target: 'asking' }],
    },
    closing: {
      description: 'Its standard input was closed, at which it may end by itself.',
      entry: 'closeInput',
      after: { closeInput: { target: 'asking', actions: substate('stopping.asking.asked') } },
    },
    asking: {
      id: 'asking',
      description:
        'It was asked to stop, by the stop signal to its whole tree or by its message. It may ask for more time.',
      entry: ['freshExtension', { type: 'ask', params: { again: false } }],
      initial: 'asked',
      after: {
        ask: [
          { guard: 'isExtended', actions: 'noteOverdue' },
          { target: '#insisting', actions: insisted },
        ],
      },
      states: {
        asked: {
          description: 'Within the first deadline.',
          on: {
            EXTEND: {
              guard: 'mayExtend',
              target: 'extended',
              actions: ['noteExtension', substate('stopping.asking.extended')],
            },
          },
        },
        extended: {
          description: 'Within the time that it asked for. An extension never shortens the first deadline.',
          exit: 'endExtension',
          on: { EXTEND: { guard: 'mayExtend', target: 'extended', reenter: true, actions: 'noteExtension' } },
          after: {
            extension: [
              { guard: 'isOverdue', target: '#insisting', actions: insisted },
              { target: 'asked', actions: substate('stopping.asking.asked') },
            ],
          },
        },
      },
    },
    insisting: {
      id: 'insisting',
      description: 'It was asked to stop a second time.',
      entry: { type: 'ask', params: { again: true } },
      after: { insist: { target: 'killing', actions: substate('stopping.killing') } },
    },
    killing: {
      id: 'killing',
      description: 'SIGKILL was sent to the rest of its process tree.',
      entry: 'kill',
      after: { kill: '#zombie' },
      on: { STOP: { actions: ['noteStop', 'kill'] } },
    },
    sweeping: {
      id: 'sweeping',
      description:
        'Its main process ended, by itself or because it alone was asked to; the rest of its process tree is killed.',
      entry: 'kill',
      after: { kill: '#zombie' },
    },
    draining: {
      id: 'draining',
      description: 'No process is left; the rest of its output is read.',
      on: { DRAINED: '#ended', GONE: {}, STOP: { actions: 'noteStop' } },
      after: { drain: { target: '#ended', actions: 'drain' } },
    },
    ended: {
      id: 'ended',
      description: 'Nothing of it is left. Its hook after the end may have to run.',
      always: [
        { guard: 'owesHookAfterEnd', target: 'concluding', actions: substate('stopping.concluding') },
        { target: '#settling' },
      ],
    },
    concluding: {
      id: 'concluding',
      description: 'Its hook after the end runs. A stop ends the hook.',
      entry: ['noteConcluded', { type: 'runHook', params: { hook: 'afterEnd' } }],
      on: {
        HOOK_ENDED: '#settling',
        STOP: [
          { guard: 'isBrutal', target: 'aborting', actions: ['noteStop', aborted] },
          { target: 'interrupting', actions: ['noteStop', substate('stopping.interrupting')] },
        ],
      },
      after: { hook: { target: 'aborting', actions: aborted } },
    },
    interrupting: {
      id: 'interrupting',
      description: 'Its hook was asked to end by SIGTERM.',
      entry: 'askHook',
      on: {
        HOOK_ENDED: 'ended',
        STOP: [{ guard: 'isBrutal', target: 'aborting', actions: ['noteStop', aborted] }, { actions: 'noteStop' }],
      },
      after: { hook: { target: 'aborting', actions: aborted } },
    },
    aborting: {
      id: 'aborting',
      description: 'SIGKILL was sent to its hook.',
      entry: 'killHook',
      on: { HOOK_ENDED: 'ended', STOP: { actions: 'noteStop' } },
      after: { kill: '#zombie' },
    },
  },
});

/** The agent's state `zombie`. @internal */
export const zombie = agentSetup.createStateConfig({
  id: 'zombie',
  description: 'Its process tree cannot be ended. It lists its blockers, keeps its ports and refuses a new start.',
  entry: ['noteEntry', STATE.zombie, 'inspect', NOTIFY.stuck],
  on: {
    ...LAUNCHED_WHILE_ENDING,
    EXITED: [EXITED[0], EXITED[1], { actions: ['noteExit', 'recordExit'] }],
    GONE: [
      { guard: 'neverRan', target: '#settling', actions: 'recordExit' },
      { guard: 'isDrained', target: '#settling' },
      { target: '#draining' },
    ],
    DRAINED: { actions: 'noteDrained' },
    HOOK_ENDED: '#settling',
    STOP: { actions: ['noteStop', 'kill'] },
  },
});

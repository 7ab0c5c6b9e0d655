import { initialContext } from '../model/lifecycle.js';
import { agentSetup } from './agent-setup.js';
import {
  ANNOUNCE,
  arrive,
  BACK_TO_RUNNING,
  EXITED,
  EXITED_WHILE_ENDING,
  LAUNCHED_WHILE_ENDING,
  NEVER_RAN,
  NOT_READY_IN_TIME,
  READY,
  REPORT,
  STOP,
  TELL,
  TREE_GONE,
} from './agent-transitions.js';

/*
 * One agent over all its incarnations. Invariant: `stopped`, `completed` and `failed` are entered only when the process tree of the
 * incarnation is verified gone; until then it is `stopping`, or `zombie` when it will not go. Facts of another incarnation never
 * arrive here: the actor drops them at its door.
 */

export const agentMachine = agentSetup.createMachine({
  id: 'agent',
  context: ({ input }) => initialContext(input),
  initial: 'stopped',
  states: {
    spawning: {
      description: 'Ports are leased, the process is asked for, readiness is awaited.',
      entry: ['begin', ANNOUNCE.spawning],
      initial: 'deciding',
      states: {
        deciding: {
          description: 'An agent without ports leases none.',
          always: [{ guard: 'needsPorts', target: 'leasing' }, { target: 'launching' }],
        },
        leasing: {
          description: 'Its ports are being leased; a stop here cancels the lease.',
          entry: 'lease',
          on: {
            LEASED: { target: 'launching', actions: 'notePorts' },
            LEASE_FAILED: { target: '#settling', actions: NEVER_RAN },
            STOP: { target: '#settling', actions: ['noteStop', 'recordExit'] },
          },
        },
        launching: {
          description: 'The driver was asked to run it.',
          entry: 'launch',
          on: {
            SPAWNED: [
              {
                guard: 'isReadyAtOnce',
                target: '#running',
                actions: ['noteSpawned', REPORT.started, 'noteReady', ...READY],
              },
              { target: 'probing', actions: ['noteSpawned', REPORT.started] },
            ],
            SPAWN_FAILED: { target: '#settling', actions: NEVER_RAN },
            STOP,
          },
        },
        probing: {
          description: 'It runs and has not said or shown yet that it is ready. Silence is a failed start.',
          entry: 'watch',
          exit: 'unwatch',
          initial: 'waiting',
          on: {
            READY: { target: '#running', actions: ['noteReady', ...READY] },
            EXTEND: { guard: 'mayExtend', target: '.extended', actions: 'noteExtension' },
            EXITED,
            STOP,
          },
          after: {
            ready: [
              { guard: 'isExtended', actions: 'noteOverdue' },
              { target: '#asking', actions: NOT_READY_IN_TIME },
            ],
          },
          states: {
            waiting: { description: 'Within its readiness timeout.' },
            extended: {
              description: 'It asked for more time to become ready.',
              exit: 'endExtension',
              after: {
                extension: [
                  { guard: 'isOverdue', target: '#asking', actions: NOT_READY_IN_TIME },
                  { target: 'waiting' },
                ],
              },
            },
          },
        },
      },
    },
    running: {
      id: 'running',
      description: 'Ready. Its health is unknown until something tells.',
      initial: 'unknown',
      on: {
        PAUSE: [
          { guard: 'isForced', target: '.freezing', actions: ['notePause', 'freeze'] },
          {
            target: 'paused.cooperative',
            actions: ['notePause', 'tellPause', REPORT.paused],
          },
        ],
        HEALTH: [
          {
            guard: 'saysHealthy',
            target: '.healthy',
            actions: ['noteHealth', REPORT.health],
          },
          {
            guard: 'saysUnhealthy',
            target: '.unhealthy',
            actions: ['noteHealth', REPORT.health],
          },
        ],
        CONDEMN: { target: '#asking', actions: 'noteCondemned' },
        EXITED,
        STOP,
      },
      states: {
        unknown: { description: 'Nothing has told about its health.' },
        healthy: { id: 'healthy', description: 'Its last word or probe was good.' },
        unhealthy: { id: 'unhealthy', description: 'Its last word or probe was bad.' },
        freezing: {
          description: 'Its processes were told to stop in place and are not all seen stopped yet.',
          on: {
            FROZEN: { target: '#paused.forced', actions: REPORT.paused },
            FREEZE_FAILED: BACK_TO_RUNNING.map((way) => ({ ...way, actions: ['noteResumed', 'publish'] as const })),
            RESUME: BACK_TO_RUNNING.map((way) => ({ ...way, actions: ['thaw', 'noteResumed', 'publish'] as const })),
            PAUSE: {},
            HEALTH: { actions: ['noteHealth', 'publish'] },
          },
        },
      },
    },
    paused: {
      id: 'paused',
      description: 'Really paused: no probe, watchdog or deadline runs either.',
      entry: ANNOUNCE.paused,
      initial: 'forced',
      on: {
        HEALTH: { actions: ['noteHealth', 'publish'] },
        CONDEMN: { target: '#asking', actions: 'noteCondemned' },
        EXITED,
        STOP,
      },
      states: {
        forced: {
          description: 'Every process of its tree is stopped in place.',
          on: {
            RESUME: BACK_TO_RUNNING.map((way) => ({
              ...way,
              actions: ['thaw', 'noteResumed', ANNOUNCE.running, REPORT.resumed] as const,
            })),
          },
        },
        cooperative: {
          description: 'It was told over standard input to pause, and is told there to go on.',
          initial: 'awake',
          on: {
            RESUME: BACK_TO_RUNNING.map((way) => ({
              ...way,
              actions: ['thaw', 'tellResume', 'noteResumed', ANNOUNCE.running, REPORT.resumed] as const,
            })),
          },
          states: {
            awake: {
              description: 'Its processes run; it does nothing by itself.',
              on: { PAUSE: { guard: 'isForced', target: 'freezing', actions: ['notePause', 'freeze'] } },
            },
            freezing: {
              description: 'Its processes were told to stop in place as well.',
              on: {
                FROZEN: { target: 'frozen', actions: REPORT.paused },
                FREEZE_FAILED: { target: 'awake', actions: ['noteAwake', 'publish'] },
              },
            },
            frozen: { description: 'Its processes are stopped in place as well.' },
          },
        },
      },
    },
    stopping: {
      description: 'It is being ended, or its main process ended and what it left behind is being ended.',
      entry: ANNOUNCE.stopping,
      initial: 'asking',
      on: {
        ...LAUNCHED_WHILE_ENDING,
        EXITED: EXITED_WHILE_ENDING,
        GONE: TREE_GONE,
        DRAINED: { actions: 'noteDrained' },
        STOP: [{ guard: 'isBrutal', target: '#killing', actions: 'noteStop' }, { actions: 'noteStop' }],
      },
      states: {
        asking: {
          id: 'asking',
          description:
            'It was asked to end: the stop signal to its whole tree, or its message. It may ask for more time.',
          entry: ['freshExtension', { type: 'ask', params: { again: false } }],
          initial: 'asked',
          on: { EXTEND: { guard: 'mayExtend', target: '.extended', actions: 'noteExtension' } },
          after: { ask: [{ guard: 'isExtended', actions: 'noteOverdue' }, { target: '#insisting' }] },
          states: {
            asked: { description: 'Within the first deadline.' },
            extended: {
              description:
                'Within the time it asked for. More time never means less: the first deadline stands as well.',
              exit: 'endExtension',
              after: { extension: [{ guard: 'isOverdue', target: '#insisting' }, { target: 'asked' }] },
            },
          },
        },
        insisting: {
          id: 'insisting',
          description: 'It was asked a second time.',
          entry: { type: 'ask', params: { again: true } },
          after: { insist: 'killing' },
        },
        killing: {
          id: 'killing',
          description: 'SIGKILL went to everything that is left of it.',
          entry: 'kill',
          after: { kill: '#zombie' },
          on: { STOP: { actions: ['noteStop', 'kill'] } },
        },
        sweeping: {
          id: 'sweeping',
          description: 'Its main process ended by itself; what it left behind is killed.',
          entry: 'kill',
          after: { kill: '#zombie' },
        },
        draining: {
          id: 'draining',
          description: 'No process is left; the rest of its output is read.',
          on: { DRAINED: '#settling', GONE: {}, STOP: { actions: 'noteStop' } },
          after: { drain: { target: '#settling', actions: 'drain' } },
        },
      },
    },
    zombie: {
      id: 'zombie',
      description: 'It cannot be ended. It names its blockers, keeps its ports and refuses a new start.',
      entry: [ANNOUNCE.zombie, 'inspect', TELL.stuck],
      on: {
        ...LAUNCHED_WHILE_ENDING,
        EXITED: EXITED_WHILE_ENDING,
        GONE: TREE_GONE,
        DRAINED: { actions: 'noteDrained' },
        STOP: { actions: ['noteStop', 'kill'] },
      },
    },
    settling: {
      id: 'settling',
      description: 'Nothing of it is left: it goes where it was heading, at once.',
      always: [
        { guard: 'isCompleted', target: 'completed', actions: ['release', ...arrive('completed')] },
        { guard: 'isStopped', target: 'stopped', actions: ['release', ...arrive('stopped')] },
        { target: 'failed', actions: ['release', ...arrive('failed')] },
      ],
    },
    failed: {
      description: 'It ended abnormally or never became ready, and waits for its supervisor.',
      initial: 'waiting',
      on: {
        START: 'spawning',
        STOP: { target: 'stopped', actions: ANNOUNCE.stopped },
        RETRY: { target: '.retrying', actions: ['noteRetry', 'publish'] },
        EXHAUSTED: { target: '.exhausted', actions: ['noteRetry', 'publish'] },
      },
      states: {
        waiting: { description: 'Its supervisor has not decided, or will not try again.' },
        retrying: { description: 'It is started again after a delay.' },
        exhausted: { description: 'Its restart budget is spent: no further try comes by itself.' },
      },
    },
    completed: {
      description: 'It ended cleanly by itself.',
      on: { START: 'spawning', RETRY: { actions: ['noteRetry', 'publish'] } },
    },
    stopped: {
      description: 'It has not been started, or it ended because we asked, and nothing of it is left.',
      on: { START: 'spawning' },
    },
  },
});

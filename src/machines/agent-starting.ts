import { agentSetup } from './agent-setup.js';
import {
  EXITED,
  NEVER_RAN,
  NOT_READY_IN_TIME,
  READY,
  REPORT,
  RUNTIME_OVER,
  STATE,
  STOP,
  substate,
} from './agent-transitions.js';

const STOP_IN_HOOK = [
  { guard: 'isBrutal', target: '#aborting', actions: ['noteStop', 'recordExit'] },
  { target: '#interrupting', actions: ['noteStop', 'recordExit'] },
] as const;

const RUNTIME_OVER_IN_HOOK = {
  target: '#aborting',
  actions: ['noteRuntimeOver', 'requestStop', 'recordExit'],
} as const;

/** The agent's state `spawning`: from its start until it is ready. @internal */
export const spawning = agentSetup.createStateConfig({
  description:
    'Its ports are leased, its process is started, its readiness is awaited. Its runtime is counted from here.',
  entry: ['begin', 'countStart', 'startRuntimeTimer', STATE.spawning],
  initial: 'deciding',
  on: { RUNTIME_OVER },
  states: {
    deciding: {
      description:
        'An agent without ports needs no leases, and most have no hook. One that an earlier program has left runs, with its ports: it is adopted at once.',
      always: [
        { guard: 'isKept', target: 'launching', actions: 'keepPorts' },
        { guard: 'hasUnfinished', target: 'recovering' },
        { guard: 'needsPorts', target: 'leasing' },
        { guard: 'hasHookBeforeStart', target: 'preparing' },
        { target: 'launching' },
      ],
    },
    recovering: {
      description:
        'An earlier program was killed while it started an incarnation: the hook after the end of that one runs first. A stop ends the hook.',
      entry: 'recover',
      on: {
        HOOK_ENDED: [
          { guard: 'needsPorts', target: 'leasing', actions: substate('spawning.leasing') },
          { guard: 'hasHookBeforeStart', target: 'preparing', actions: substate('spawning.preparing') },
          { target: 'launching', actions: substate('spawning.launching') },
        ],
        STOP: STOP_IN_HOOK,
        RUNTIME_OVER: RUNTIME_OVER_IN_HOOK,
      },
      after: { hook: { actions: 'killHook' } },
    },
    leasing: {
      description: 'Its ports are being leased; a stop here cancels the lease.',
      entry: 'lease',
      on: {
        LEASED: [
          {
            guard: 'hasHookBeforeStart',
            target: 'preparing',
            actions: ['notePorts', substate('spawning.preparing')],
          },
          { target: 'launching', actions: ['notePorts', substate('spawning.launching')] },
        ],
        LEASE_FAILED: { target: '#settling', actions: NEVER_RAN },
        STOP: { target: '#settling', actions: ['noteStop', 'cancelLease', 'recordExit'] },
        RUNTIME_OVER: {
          target: '#settling',
          actions: ['noteRuntimeOver', 'requestStop', 'cancelLease', 'recordExit'],
        },
      },
    },
    preparing: {
      description: 'Its hook before the start runs. A stop ends the hook.',
      entry: { type: 'runHook', params: { hook: 'beforeStart' } },
      on: {
        HOOK_ENDED: [
          { guard: 'hookSucceeded', target: 'launching', actions: substate('spawning.launching') },
          { target: '#settling', actions: NEVER_RAN },
        ],
        STOP: STOP_IN_HOOK,
        RUNTIME_OVER: RUNTIME_OVER_IN_HOOK,
      },
      after: { hook: { target: '#aborting', actions: ['noteHookTimeout', 'recordExit'] } },
    },
    launching: {
      description: 'The driver is starting it.',
      entry: 'launch',
      on: {
        SPAWNED: [
          {
            guard: 'isReadyAtOnce',
            target: '#running',
            actions: ['noteSpawnedReady', REPORT.started, ...READY],
          },
          { target: 'probing', actions: ['noteSpawned', REPORT.started, substate('spawning.probing.waiting')] },
        ],
        SPAWN_FAILED: { target: '#settling', actions: NEVER_RAN },
        STOP,
      },
    },
    probing: {
      description: 'It runs and is not known to be ready. Reaching the deadline is a failed start.',
      entry: 'watchReadiness',
      exit: 'unwatchReadiness',
      initial: 'waiting',
      on: { READY: { target: '#running', actions: ['noteReady', ...READY] }, EXITED, STOP },
      after: {
        ready: [
          { guard: 'isExtended', actions: 'noteOverdue' },
          { target: '#ending', actions: NOT_READY_IN_TIME },
        ],
      },
      states: {
        waiting: {
          description: 'Within its readiness timeout.',
          on: {
            EXTEND: {
              guard: 'mayExtend',
              target: 'extended',
              actions: ['noteExtension', substate('spawning.probing.extended')],
            },
          },
        },
        extended: {
          description: 'Within the time that it asked for to become ready.',
          exit: 'endExtension',
          on: { EXTEND: { guard: 'mayExtend', target: 'extended', reenter: true, actions: 'noteExtension' } },
          after: {
            extension: [
              { guard: 'isOverdue', target: '#ending', actions: NOT_READY_IN_TIME },
              { target: 'waiting', actions: substate('spawning.probing.waiting') },
            ],
          },
        },
      },
    },
  },
});

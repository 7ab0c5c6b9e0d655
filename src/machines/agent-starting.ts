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

/** The agent's state `spawning`: from its start until it is ready. @internal */
export const spawning = agentSetup.createStateConfig({
  description: 'Ports are leased, the process is asked for, readiness is awaited. Its runtime is counted from here.',
  entry: ['begin', 'countStart', 'startRuntimeTimer', STATE.spawning],
  initial: 'deciding',
  on: { RUNTIME_OVER },
  states: {
    deciding: {
      description: 'An agent without ports leases none.',
      always: [{ guard: 'needsPorts', target: 'leasing' }, { target: 'launching' }],
    },
    leasing: {
      description: 'Its ports are being leased; a stop here cancels the lease.',
      entry: 'lease',
      on: {
        LEASED: { target: 'launching', actions: ['notePorts', substate('spawning.launching')] },
        LEASE_FAILED: { target: '#settling', actions: NEVER_RAN },
        STOP: { target: '#settling', actions: ['noteStop', 'recordExit'] },
        RUNTIME_OVER: { target: '#settling', actions: ['noteRuntimeOver', 'requestStop', 'recordExit'] },
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
            actions: ['noteSpawnedReady', REPORT.started, ...READY],
          },
          { target: 'probing', actions: ['noteSpawned', REPORT.started, substate('spawning.probing.waiting')] },
        ],
        SPAWN_FAILED: { target: '#settling', actions: NEVER_RAN },
        STOP,
      },
    },
    probing: {
      description: 'It runs and has not said or shown yet that it is ready. Silence is a failed start.',
      entry: 'watchReadiness',
      exit: 'unwatchReadiness',
      initial: 'waiting',
      on: { READY: { target: '#running', actions: ['noteReady', ...READY] }, EXITED, STOP },
      after: {
        ready: [
          { guard: 'isExtended', actions: 'noteOverdue' },
          { target: '#asking', actions: NOT_READY_IN_TIME },
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
          description: 'It asked for more time to become ready.',
          exit: 'endExtension',
          on: { EXTEND: { guard: 'mayExtend', target: 'extended', reenter: true, actions: 'noteExtension' } },
          after: {
            extension: [
              { guard: 'isOverdue', target: '#asking', actions: NOT_READY_IN_TIME },
              { target: 'waiting', actions: substate('spawning.probing.waiting') },
            ],
          },
        },
      },
    },
  },
});

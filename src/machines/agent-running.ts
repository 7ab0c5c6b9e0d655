import { agentSetup } from './agent-setup.js';
import {
  EXITED,
  FREEZE_FAILED,
  LIMIT_PASSED,
  PROBE_FAILED,
  PROBE_PASSED,
  REPORT,
  RESUMED,
  RESUMED_COOPERATIVELY,
  RESUMED_WHILE_FREEZING,
  RUNTIME_OVER,
  STATE,
  STOP,
  substate,
} from './agent-transitions.js';

/** The agent's state `running`. @internal */
export const running = agentSetup.createStateConfig({
  id: 'running',
  description: 'Ready. Its health is unknown until a probe or the agent itself reports it.',
  entry: ['watchResources', 'watchLiveness'],
  exit: ['unwatchResources', 'unwatchLiveness'],
  initial: 'unknown',
  on: {
    PAUSE: [
      {
        guard: 'isForced',
        target: '.freezing',
        actions: ['notePause', 'holdRuntime', 'freeze', substate('running.freezing')],
      },
      {
        target: 'paused.cooperative',
        actions: ['notePause', 'holdRuntime', 'sendPause', REPORT.paused],
      },
    ],
    HEALTH: [
      {
        guard: 'saysHealthy',
        target: '.healthy',
        actions: ['noteHealth', REPORT.health, substate('running.healthy')],
      },
      {
        guard: 'saysUnhealthy',
        target: '.unhealthy',
        actions: ['noteHealth', REPORT.health, substate('running.unhealthy')],
      },
    ],
    PROBE_PASSED,
    PROBE_FAILED,
    LIMIT_PASSED,
    RUNTIME_OVER,
    EXITED,
    STOP,
  },
  states: {
    unknown: { id: 'unknown', description: 'Nothing has reported its health.' },
    healthy: {
      id: 'healthy',
      description: 'Its last report or probe was good.',
      on: { HEALTH: { guard: 'saysHealthy', actions: REPORT.health } },
    },
    unhealthy: {
      id: 'unhealthy',
      description: 'Its last report or probe was bad.',
      on: { HEALTH: { guard: 'saysUnhealthy', actions: REPORT.health } },
    },
    freezing: {
      description:
        'SIGSTOP was sent to its processes, and some are not seen stopped yet. Until then its runtime is counted, but its liveness is not probed.',
      entry: 'unwatchLiveness',
      on: {
        FROZEN: { target: '#paused.forced', actions: REPORT.paused },
        FREEZE_FAILED,
        RESUME: RESUMED_WHILE_FREEZING,
        PAUSE: {},
        HEALTH: { actions: 'noteHealth' },
        PROBE_PASSED: {},
        PROBE_FAILED: {},
      },
    },
  },
});

/** The agent's state `paused`. @internal */
export const paused = agentSetup.createStateConfig({
  id: 'paused',
  description: 'Paused: no probe, watchdog or deadline runs, and its runtime is not counted.',
  entry: ['noteEntry', 'stopRuntimeTimer', STATE.paused],
  initial: 'forced',
  on: {
    HEALTH: { actions: 'noteHealth' },
    LIMIT_PASSED,
    EXITED,
    STOP,
  },
  states: {
    forced: {
      description: 'Every process of its tree is stopped by SIGSTOP.',
      on: { RESUME: RESUMED },
    },
    cooperative: {
      description: 'It was asked over standard input to pause, and will be asked there to resume.',
      initial: 'awake',
      on: { RESUME: RESUMED_COOPERATIVELY },
      states: {
        awake: {
          description: 'Its processes run, but it starts no work.',
          on: {
            PAUSE: {
              guard: 'isForced',
              target: 'freezing',
              actions: ['notePause', 'freeze', substate('paused.cooperative.freezing')],
            },
          },
        },
        freezing: {
          description: 'SIGSTOP was sent to its processes as well.',
          on: {
            FROZEN: { target: 'frozen', actions: [REPORT.paused, substate('paused.cooperative.frozen')] },
            FREEZE_FAILED: {
              target: 'awake',
              actions: ['noteAwake', 'notePauseProblem', substate('paused.cooperative.awake')],
            },
          },
        },
        frozen: { description: 'Its processes are stopped by SIGSTOP as well.' },
      },
    },
  },
});

import type { Notification, ReportedKind, ReportedState } from './agent-setup.js';

/* Effects with their params, and transitions that several states of the agent's chart share. */

const reportState = <S extends ReportedState>(state: S) => ({ type: 'reportState', params: { state } }) as const;
const report = <K extends ReportedKind>(kind: K) => ({ type: 'report', params: { kind } }) as const;
const notify = <N extends Notification>(of: N) => ({ type: 'notifySupervisor', params: { of } }) as const;

/** Reports a change of the sub-state within a state. The initial sub-state of a state is not reported. @internal */
export const substate = <S extends string>(name: S) =>
  ({ type: 'reportSubstate', params: { substate: name } }) as const;

/** Reports the state. @internal */
export const STATE = {
  spawning: reportState('spawning'),
  running: reportState('running'),
  paused: reportState('paused'),
  stopping: reportState('stopping'),
  zombie: reportState('zombie'),
  stopped: reportState('stopped'),
};

/** Reports an event that is not a state. @internal */
export const REPORT = {
  started: report('started'),
  ready: report('ready'),
  paused: report('paused'),
  resumed: report('resumed'),
  health: report('health'),
};

/** Notifies the supervisor. @internal */
export const NOTIFY = { ready: notify('ready'), ended: notify('ended'), stuck: notify('stuck') };

/** It never ran: a failed start, with the reason of the event. @internal */
export const NEVER_RAN = [
  { type: 'noteCause', params: { cause: 'spawn-error', heading: 'failed' } },
  'noteDetail',
  'recordExit',
] as const;

/** A start that takes too long is a failed start. @internal */
export const NOT_READY_IN_TIME = {
  type: 'noteCause',
  params: { cause: 'readiness-timeout', heading: 'failed' },
} as const;

/** The main process ended without a stop: directly to rest if its process tree is empty. @internal */
export const EXITED = [
  { guard: 'leavesNothing', target: '#settling', actions: ['noteExit', 'recordExit'] },
  { guard: 'leavesOutput', target: '#draining', actions: ['noteExit', 'recordExit'] },
  { target: '#sweeping', actions: ['noteExit', 'recordExit'] },
] as const;

/** Reports come before the supervisor is notified, because it may start the agent again at once. @internal */
export const atRest = <S extends ReportedState>(state: S) => ['release', reportState(state), NOTIFY.ended] as const;

/** Reports come before the supervisor is notified, because it may start the next agent at once. @internal */
export const READY = [STATE.running, REPORT.ready, NOTIFY.ready] as const;

/** A stop goes through the stages of its spec, or through none. @internal */
export const STOP = [
  { guard: 'isBrutal', target: '#killing', actions: 'noteStop' },
  { target: '#ending', actions: 'noteStop' },
] as const;

/** The runtime limit stops the agent, and its supervisor does not restart it. @internal */
export const RUNTIME_OVER = [
  { guard: 'isBrutal', target: '#killing', actions: ['noteRuntimeOver', 'requestStop'] },
  { target: '#ending', actions: ['noteRuntimeOver', 'requestStop'] },
] as const;

/** A resource limit ends the agent, with or without a restart. @internal */
export const LIMIT_PASSED = [
  { guard: 'isRestartLimit', target: '#ending', actions: 'noteLimit' },
  { guard: 'isBrutal', target: '#killing', actions: ['noteLimit', 'requestStop'] },
  { target: '#ending', actions: ['noteLimit', 'requestStop'] },
] as const;

/** A run of its liveness probe passed. Most change nothing. */
export const PROBE_PASSED = [
  { guard: 'hasPassed' },
  { guard: 'wasHealthy', actions: 'notePass' },
  { target: '#healthy', actions: ['notePass', REPORT.health, substate('running.healthy')] },
] as const;

/** A run of its liveness probe failed. So many in a row end it by the stages of its stop, and its supervisor restarts it by its restart type. */
export const PROBE_FAILED = [
  { guard: 'toleratesFailure', actions: 'noteFailure' },
  { guard: 'isBrutal', target: '#killing', actions: ['noteUnhealthy', REPORT.health] },
  { target: '#ending', actions: ['noteUnhealthy', REPORT.health] },
] as const;

/**
 * A stop may come before the driver has started the process: the process may still run, or have failed. After a failure no other fact follows, so that is
 * the end.
 * @internal
 */
export const LAUNCHED_WHILE_ENDING = {
  SPAWNED: { actions: ['noteSpawned', REPORT.started] },
  SPAWN_FAILED: { target: '#settling', actions: ['noteDetail', 'recordExit'] },
} as const;

/** Back to the health before the pause. */
const BACK_TO_RUNNING = {
  healthy: { guard: 'wasHealthy', target: '#healthy' },
  unhealthy: { guard: 'wasUnhealthy', target: '#unhealthy' },
  unknown: { target: '#unknown' },
} as const;

const unfrozen = ['notePauseProblem', 'noteResumed'] as const;
const thawed = ['thaw', 'noteResumed'] as const;

/** The freeze failed: it keeps running, and its runtime was counted throughout. @internal */
export const FREEZE_FAILED = [
  { ...BACK_TO_RUNNING.healthy, actions: [...unfrozen, substate('running.healthy'), 'watchLiveness'] },
  { ...BACK_TO_RUNNING.unhealthy, actions: [...unfrozen, substate('running.unhealthy'), 'watchLiveness'] },
  { ...BACK_TO_RUNNING.unknown, actions: [...unfrozen, substate('running.unknown'), 'watchLiveness'] },
] as const;

/** A resume came before the freeze was complete. @internal */
export const RESUMED_WHILE_FREEZING = [
  { ...BACK_TO_RUNNING.healthy, actions: [...thawed, substate('running.healthy'), 'watchLiveness'] },
  { ...BACK_TO_RUNNING.unhealthy, actions: [...thawed, substate('running.unhealthy'), 'watchLiveness'] },
  { ...BACK_TO_RUNNING.unknown, actions: [...thawed, substate('running.unknown'), 'watchLiveness'] },
] as const;

/** The rest of its runtime is counted down again. */
const goesOn = [
  'noteResumed',
  'noteEntry',
  'continueRuntime',
  'startRuntimeTimer',
  STATE.running,
  REPORT.resumed,
] as const;

/** @internal */
export const RESUMED = [
  { ...BACK_TO_RUNNING.healthy, actions: ['thaw', ...goesOn] },
  { ...BACK_TO_RUNNING.unhealthy, actions: ['thaw', ...goesOn] },
  { ...BACK_TO_RUNNING.unknown, actions: ['thaw', ...goesOn] },
] as const;

/** Its processes may have been stopped by SIGSTOP as well. @internal */
export const RESUMED_COOPERATIVELY = [
  { ...BACK_TO_RUNNING.healthy, actions: ['thaw', 'sendResume', ...goesOn] },
  { ...BACK_TO_RUNNING.unhealthy, actions: ['thaw', 'sendResume', ...goesOn] },
  { ...BACK_TO_RUNNING.unknown, actions: ['thaw', 'sendResume', ...goesOn] },
] as const;

import type { AnnouncedState, ReportedKind, ToldFact } from './agent-setup.js';

/*
 * Effects with their params, and ways that several states of the agent's chart share.
 */

const announcing = <S extends AnnouncedState>(state: S) => ({ type: 'announce', params: { state } }) as const;
const reporting = <K extends ReportedKind>(kind: K) => ({ type: 'report', params: { kind } }) as const;
const telling = <F extends ToldFact>(fact: F) => ({ type: 'tell', params: { fact } }) as const;

/** Tells people and waiting commands of a state. */
export const ANNOUNCE = {
  spawning: announcing('spawning'),
  running: announcing('running'),
  paused: announcing('paused'),
  stopping: announcing('stopping'),
  zombie: announcing('zombie'),
  stopped: announcing('stopped'),
};

/** Tells people of something else. */
export const REPORT = {
  started: reporting('started'),
  ready: reporting('ready'),
  paused: reporting('paused'),
  resumed: reporting('resumed'),
  health: reporting('health'),
};

/** Tells the supervisor. */
export const TELL = { ready: telling('ready'), ended: telling('ended'), stuck: telling('stuck') };

/** It never ran: that is a failed start, with the reason that was given. */
export const NEVER_RAN = [
  { type: 'noteCause', params: { cause: 'spawn-error', heading: 'failed' } },
  'noteDetail',
  'recordExit',
] as const;

/** A start that takes too long is a failed start. */
export const NOT_READY_IN_TIME = {
  type: 'noteCause',
  params: { cause: 'readiness-timeout', heading: 'failed' },
} as const;

/** The ends of a main process that is running: straight to its end when nothing is left of it. */
export const EXITED = [
  { guard: 'leavesNothing', target: '#settling', actions: ['noteExit', 'recordExit'] },
  { guard: 'leavesOutput', target: '#draining', actions: ['noteExit', 'recordExit'] },
  { target: '#sweeping', actions: ['noteExit', 'recordExit'] },
] as const;

/** How it comes to rest: first it is told to people, then to its supervisor, which may start it again. */
export const arrive = <S extends AnnouncedState>(state: S) => [announcing(state), TELL.ended] as const;

/** How it becomes ready: people hear of it before its supervisor, which may start the next one. */
export const READY = [ANNOUNCE.running, REPORT.ready, TELL.ready] as const;

/** A stop takes the stages of its spec, or none of them. */
export const STOP = [
  { guard: 'isBrutal', target: '#killing', actions: 'noteStop' },
  { target: '#asking', actions: 'noteStop' },
] as const;

/** Nothing of its tree is left. Where no exit was told, it never ran: it has no output, and its record is made now. */
export const TREE_GONE = [
  { guard: 'neverRan', target: '#settling', actions: 'recordExit' },
  { guard: 'isDrained', target: '#settling' },
  { target: '#draining' },
] as const;

/** While its tree is being ended the stages go on until the tree is empty. */
export const EXITED_WHILE_ENDING = [EXITED[0], EXITED[1], { actions: ['noteExit', 'recordExit'] }] as const;

/**
 * A stop can overtake a launch: what the driver had begun may still run, or turn out to have failed. After a failure nothing else
 * follows, so it is the end.
 */
export const LAUNCHED_WHILE_ENDING = {
  SPAWNED: { actions: ['noteSpawned', REPORT.started] },
  SPAWN_FAILED: { target: '#settling', actions: ['noteDetail', 'recordExit'] },
} as const;

/** Running again it has the health that it had. */
export const BACK_TO_RUNNING = [
  { guard: 'wasHealthy', target: '#healthy' },
  { guard: 'wasUnhealthy', target: '#unhealthy' },
  { target: '#running' },
] as const;

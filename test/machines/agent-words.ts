import type { AgentEvent, BodyFact } from '../../src/model/agent.js';
import type { AgentInput, AgentSettings } from '../../src/model/lifecycle.js';
import type { StopPlan } from '../../src/model/spec.js';
import type { Scenario, Step } from './scenario.js';

/*
 * The words of the stories about agents: the events with what is usual about them, and the ways to where a story begins.
 */

export type AgentStory = Scenario<AgentEvent, AgentInput>;
export type AgentStep = Step<AgentEvent>;

/** The stages of a stop in these stories, in ms. */
export const STAGES: StopPlan = {
  brutal: false,
  signal: 'SIGTERM',
  message: null,
  closeInput: null,
  scope: 'tree',
  ask: 100,
  insist: 50,
  kill: 30,
  drain: 20,
};

/** How long an agent in these stories may take to become ready, in ms. */
export const READY_TIMEOUT = 1000;

/** An agent that leases nothing and must say when it is ready, but for what is given. */
export function agent(settings: Partial<AgentSettings> = {}): AgentInput {
  const usual = {
    leases: false,
    readyAtOnce: false,
    readyTimeout: READY_TIMEOUT,
    maxRuntime: NONE,
    failures: 3,
    successCodes: [0],
    stop: STAGES,
    hooks: { beforeStart: null, afterEnd: null, timeout: HOOK_TIMEOUT },
  };
  return { id: 'web', path: 'root/web', settings: { ...usual, ...settings }, incarnation: 0 };
}

/** How long a hook in these stories may take, in ms. */
export const HOOK_TIMEOUT = 70;

const NONE = Number.POSITIVE_INFINITY;
const incarnation = 1;

export const START: AgentEvent = { type: 'START', incarnation, at: 10, now: 0 };
/** Of the incarnation before this one, an earlier program had only begun the start. */
export const START_AFTER_UNFINISHED: AgentEvent = {
  type: 'START',
  incarnation,
  at: 10,
  now: 0,
  unfinished: incarnation - 1,
};

/** It is adopted: an earlier program has started it. */
export const START_KEPT: AgentEvent = {
  type: 'START',
  incarnation,
  at: 10,
  now: 10,
  isKept: true,
  ports: { http: 8107 },
};
export const LEASED: AgentEvent = { type: 'LEASED', incarnation, ports: { http: 8100 } };
export const LEASE_FAILED: AgentEvent = { type: 'LEASE_FAILED', incarnation, detail: 'no port', at: 11 };
export const SPAWNED: AgentEvent = { type: 'SPAWNED', incarnation, pid: 42, at: 20 };
export const SPAWN_FAILED: AgentEvent = { type: 'SPAWN_FAILED', incarnation, detail: 'no such file', at: 20 };
export const READY: AgentEvent = { type: 'READY', incarnation, at: 30 };
export const GONE: AgentEvent = { type: 'GONE', incarnation };
export const DRAINED: AgentEvent = { type: 'DRAINED', incarnation };
export const FROZEN: AgentEvent = { type: 'FROZEN', incarnation, at: 50 };
export const FREEZE_FAILED: AgentEvent = { type: 'FREEZE_FAILED', incarnation, detail: 'it keeps forking' };
export const HEALTHY: AgentEvent = { type: 'HEALTH', incarnation, health: 'healthy', at: 33 };
export const UNHEALTHY: AgentEvent = { type: 'HEALTH', incarnation, health: 'unhealthy', at: 34 };
export const PROBE_PASSED: AgentEvent = { type: 'PROBE_PASSED', incarnation, at: 36 };
const failure = { type: 'PROBE_FAILED', incarnation, detail: 'no answer', at: 37 } as const;
export const PROBE_FAILED: AgentEvent = { ...failure, final: false };
export const WATCHDOG_TRIGGERED: AgentEvent = { ...failure, final: true };
export const STOP: AgentEvent = { type: 'STOP', cause: 'command', brutal: false };
export const KILL: AgentEvent = { type: 'STOP', cause: 'command', brutal: true };
export const FREEZE: AgentEvent = { type: 'PAUSE', mode: 'forced', at: 40, now: 400 };
export const PAUSE_COOPERATIVELY: AgentEvent = { type: 'PAUSE', mode: 'cooperative', at: 35, now: 400 };
export const RESUME: AgentEvent = { type: 'RESUME', now: 5000 };
const limit = { type: 'LIMIT_PASSED', incarnation, cause: 'memory-limit', detail: '2 of 1' } as const;
export const LIMIT_RESTART: AgentEvent = { ...limit, action: 'restart' };
export const LIMIT_STOP: AgentEvent = { ...limit, action: 'stop' };
export const RETRY_CANCELLED: AgentEvent = { type: 'RETRY_CANCELLED' };
export const RETRY: AgentEvent = { type: 'RETRY', delay: 250 };
export const EXHAUSTED: AgentEvent = { type: 'EXHAUSTED' };

/** The running hook has succeeded. */
export const HOOK_DONE: AgentEvent = { type: 'HOOK_ENDED', incarnation, detail: '', at: 15 };
export const HOOK_FAILED: AgentEvent = { type: 'HOOK_ENDED', incarnation, detail: 'it ended with code 3', at: 15 };

type Exited = Extract<BodyFact, { type: 'EXITED' }>;

/** The main process ended with code 1, nothing is left of it and its output is read, but for what is given. */
export function exited(given: Partial<Omit<Exited, 'type'>> = {}): AgentEvent {
  const usual = { code: 1, signal: null, detail: '', oom: false, empty: true, drained: true, at: 60 };
  return { type: 'EXITED', incarnation, ...usual, ...given };
}

/** The main process ended, but others of its tree live on. */
export const ORPHANED = exited({ empty: false, drained: false });
/** The main process ended, nothing lives, but somebody had its output open. */
export const UNREAD = exited({ empty: true, drained: false });

/** It asks for so many more milliseconds. */
export function extend(ms: number): AgentEvent {
  return { type: 'EXTEND', incarnation, ms };
}

/** A sub-state is reported. */
export function substate(name: string): string {
  return `reportSubstate(${name})`;
}

/** One step: what happens, the state that follows, and every effect in order. */
export function step(happening: AgentStep['happening'], state: string, ...effects: string[]): AgentStep {
  return { happening, state, effects };
}

/** What comes with being at rest: its ports are given back, the state is reported, then its supervisor is notified. */
export function arrived(state: 'stopped' | 'failed' | 'completed'): string[] {
  return ['release', `reportState(${state})`, 'notifySupervisor(ended)'];
}

export const LAUNCHING = [step(START, 'spawning.launching', 'countStart', 'reportState(spawning)', 'launch')];
export const PROBING = [...LAUNCHING, step(SPAWNED, 'spawning.probing.waiting', 'report(started)', 'watchReadiness')];
export const RUNNING = [
  ...PROBING,
  step(
    READY,
    'running.unknown',
    'unwatchReadiness',
    'reportState(running)',
    'report(ready)',
    'notifySupervisor(ready)',
  ),
];
export const ASKING = [...RUNNING, step(STOP, 'stopping.asking.asked', 'reportState(stopping)', 'ask(false)')];
export const INSISTING = [...ASKING, step(STAGES.ask, 'stopping.insisting', 'ask(true)')];
export const KILLING = [...INSISTING, step(STAGES.insist, 'stopping.killing', 'kill')];
export const SWEEPING = [
  ...RUNNING,
  step(ORPHANED, 'stopping.sweeping', 'recordExit', 'reportState(stopping)', 'kill'),
];
export const DRAINING = [...RUNNING, step(UNREAD, 'stopping.draining', 'recordExit', 'reportState(stopping)')];
export const ZOMBIE = [
  ...KILLING,
  step(STAGES.kill, 'zombie', 'reportState(zombie)', 'inspect', 'notifySupervisor(stuck)'),
];
export const FAILED = [...RUNNING, step(exited(), 'failed.waiting', 'recordExit', ...arrived('failed'))];

export const freezing = step(FREEZE, 'running.freezing', 'freeze');
export const frozen = step(FROZEN, 'paused.forced', 'report(paused)', 'reportState(paused)');
export const pausedCooperatively = step(
  PAUSE_COOPERATIVELY,
  'paused.cooperative.awake',
  'sendPause',
  'report(paused)',
  'reportState(paused)',
);
export const FORCED = [...RUNNING, freezing, frozen];
export const PAUSED_COOPERATIVELY = [...RUNNING, pausedCooperatively];
export const again = step(START, 'spawning.launching', 'countStart', 'reportState(spawning)', 'launch');
export const thawedTo = (state: string): AgentStep =>
  step(RESUME, state, 'thaw', 'reportState(running)', 'report(resumed)');
export const wokenTo = (state: string): AgentStep =>
  step(RESUME, state, 'thaw', 'sendResume', 'reportState(running)', 'report(resumed)');

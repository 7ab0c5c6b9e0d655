import type { AgentCommand, BodyFact, Health } from './agent.js';
import type { Cause } from './exit.js';
import type { Hooks } from './process.js';
import type { PauseMode, StopPlan } from './spec.js';

/** The decisions of the agent's chart: conditions for its guards and values for its assignments. */

/** The state of rest that an ending agent will reach. */
export type Heading = 'stopped' | 'completed' | 'failed';

/** The part of a spec that the chart needs. One object serves all agents of a spec. */
export interface AgentSettings {
  readonly leases: boolean;
  /** Ready as soon as it runs. */
  readonly readyAtOnce: boolean;
  readonly readyTimeout: number;
  /** The longest runtime of one incarnation, in ms, pauses excluded; Infinity for no limit. */
  readonly maxRuntime: number;
  /** So many failures of its liveness probe in a row end it. */
  readonly failures: number;
  readonly successCodes: readonly number[];
  readonly stop: StopPlan;
  readonly hooks: Hooks;
}

/** The rest of `maxRuntime` of an incarnation. Monotonic ms. */
export interface Runtime {
  /** The rest at `since`. */
  readonly left: number;
  /** Since when it is counted down; during a pause, since when it is not. */
  readonly since: number;
}

export interface AgentContext {
  readonly id: string;
  readonly path: string;
  readonly settings: AgentSettings;
  /** When it entered its state, in wall-clock ms. */
  readonly since: number;
  readonly incarnation: number;
  readonly pid: number | null;
  readonly ports: Readonly<Record<string, number>>;
  readonly startedAt: number | null;
  readonly readyAt: number | null;
  readonly pausedAt: number | null;
  readonly pauseMode: PauseMode | null;
  /** Why the last forced pause failed; `null` when it succeeded or is pending. */
  readonly pauseProblem: string | null;
  /** `null` when its runtime is not limited. */
  readonly runtime: Runtime | null;
  readonly health: Health;
  /** Since when it has this health, in wall-clock ms; `null` before the first report of it. */
  readonly healthSince: number | null;
  /** The failures of its liveness probe since the last run that passed, and why the last one failed; empty after a run that passed. */
  readonly failures: number;
  readonly probeProblem: string;
  readonly heading: Heading;
  readonly cause: Cause | null;
  readonly detail: string;
  readonly commanded: boolean;
  readonly exit: ExitFacts | null;
  readonly drained: boolean;
  /** An earlier program has started it, and it runs on or its end was not read: this start adopts it. */
  readonly isKept: boolean;
  /** The incarnation before it, which never ran, and whose hook after the end runs before this start: its program was killed. `null` for none. */
  readonly unfinished: number | null;
  /** Its hook after the end has begun to run. */
  readonly isConcluded: boolean;
  /** The present extension (0 for none), and the sum of all that were granted for this start or stop, in ms. */
  readonly extension: number;
  readonly extended: number;
  /** The plain deadline has passed; only the extension postpones the end. */
  readonly overdue: boolean;
  /** The delay before the next restart; `null` when none is planned. */
  readonly retryIn: number | null;
}

/** The input of an agent's actor. */
export interface AgentInput {
  readonly id: string;
  readonly path: string;
  readonly settings: AgentSettings;
  /** The last incarnation at this path, also of an earlier actor. */
  readonly incarnation: number;
}

/** The facts of an exit, as the body reported them. */
export interface ExitFacts {
  readonly pid: number | null;
  readonly code: number | null;
  readonly signal: string | null;
  readonly oom: boolean;
  readonly at: number;
}

type Exited = Extract<BodyFact, { type: 'EXITED' }>;
type Start = Extract<AgentCommand, { type: 'START' }>;
type ProbeFailed = Extract<AgentCommand, { type: 'PROBE_FAILED' }>;
type Limit = Extract<AgentCommand, { type: 'LIMIT_PASSED' }>;

/** The context of an agent before its first start. */
export function initialContext({ id, path, settings, incarnation }: AgentInput): AgentContext {
  const fresh = freshIncarnation({ incarnation, at: 0, now: 0 }, settings);
  return { id, path, settings, ...fresh, startedAt: null };
}

type OfIncarnation = Omit<AgentContext, 'id' | 'path' | 'settings'>;

/** The context at the start of an incarnation. */
export function freshIncarnation(
  { incarnation, at, now, isKept = false, ports = {}, unfinished = null }: Omit<Start, 'type'>,
  { maxRuntime }: AgentSettings,
): OfIncarnation {
  return {
    since: at,
    incarnation,
    pid: null,
    ports,
    startedAt: at,
    readyAt: null,
    pausedAt: null,
    pauseMode: null,
    pauseProblem: null,
    runtime: maxRuntime === Number.POSITIVE_INFINITY ? null : { left: maxRuntime, since: now },
    health: 'unknown',
    healthSince: null,
    failures: 0,
    probeProblem: '',
    heading: 'failed',
    cause: null,
    detail: '',
    commanded: false,
    exit: null,
    drained: false,
    isKept,
    unfinished,
    isConcluded: false,
    extension: 0,
    extended: 0,
    overdue: false,
    retryIn: null,
  };
}

/**
 * The rest of the runtime when a pause is requested. The deadline is kept, so a failed pause changes nothing; a pause that succeeds stops the timer and
 * keeps the rest at the request.
 */
export function holdRuntime({ runtime }: AgentContext, now: number): Partial<AgentContext> {
  if (runtime === null) return {};
  return { runtime: { left: Math.max(0, runtime.left - (now - runtime.since)), since: now } };
}

/** The runtime is counted down again from the rest. */
export function continueRuntime({ runtime }: AgentContext, now: number): Partial<AgentContext> {
  return runtime === null ? {} : { runtime: { left: runtime.left, since: now } };
}

/** The changes by a stop. The first stop decides the cause; a stop of its supervisor that follows a limit does not replace the limit. */
export function noteStop({ commanded }: AgentContext, cause: Cause): Partial<AgentContext> {
  return commanded ? {} : { cause, commanded: true, heading: 'stopped' };
}

/** The changes by an exceeded limit: with the action `restart` it is a failure, with `stop` a stop. */
export function noteLimit({ cause, detail, action }: Omit<Limit, 'type' | 'incarnation'>): Partial<AgentContext> {
  const isStop = action === 'stop';
  return { cause, detail, commanded: isStop, heading: isStop ? 'stopped' : 'failed' };
}

/** The changes by a report of its health, from a probe or from itself. */
export function noteHealth(context: AgentContext, health: Health, at: number): Partial<AgentContext> {
  return { health, healthSince: health === context.health ? context.healthSince : at };
}

/** The changes by a run of its liveness probe that passed. */
export function notePass(context: AgentContext, { at }: { at: number }): Partial<AgentContext> {
  return { ...noteHealth(context, 'healthy', at), failures: 0, probeProblem: '' };
}

/** True when a failed run does not end it yet. */
export function toleratesFailure({ failures, settings }: AgentContext, { final }: ProbeFailed): boolean {
  return !final && failures + 1 < settings.failures;
}

/** The changes by a run of its liveness probe that failed, and does not end it. */
export function noteFailure({ failures }: AgentContext, { detail }: ProbeFailed): Partial<AgentContext> {
  return { failures: failures + 1, probeProblem: detail };
}

/** The changes by the failed run that ends it: a failure, so that its restart type decides what follows. */
export function noteUnhealthy(context: AgentContext, event: ProbeFailed): Partial<AgentContext> {
  const { failures = 0, ...changes } = noteFailure(context, event);
  const detail = failures > 1 ? `${failures} failures in a row, the last one: ${event.detail}` : event.detail;
  const health = noteHealth(context, 'unhealthy', event.at);
  return { ...changes, failures, ...health, cause: 'liveness', detail, heading: 'failed' };
}

/**
 * The changes by an exit. A cause that was noted before (a stop, a limit) is kept; otherwise the exit code decides between success and failure. An exit
 * with an empty process tree enters the state of rest.
 */
export function noteExit(context: AgentContext, event: Exited): Partial<AgentContext> {
  const { code, signal, oom, at } = event;
  const since = event.empty && event.drained ? at : context.since;
  const facts = { since, pid: null, exit: { pid: context.pid, code, signal, oom, at }, drained: event.drained };
  if (context.cause !== null) return facts;
  const cause: Cause = signal !== null ? 'signal' : code !== null ? 'exit' : 'lost';
  return { ...facts, cause, detail: event.detail, heading: headingOf(context, code) };
}

function headingOf(context: AgentContext, code: number | null): Heading {
  const done = context.readyAt !== null && code !== null && context.settings.successCodes.includes(code);
  return done ? 'completed' : 'failed';
}

/**
 * The extension that is granted when `granted` ms were granted before: at most the rest of the bound `most`. If that is less than the running extension,
 * nothing, so that a request never shortens the time.
 */
export function grantExtension(asked: number, running: number, granted: number, most: number): number {
  const left = most - granted;
  if (asked <= left) return Math.max(0, asked);
  return left > running ? left : 0;
}

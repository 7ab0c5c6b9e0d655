import type { AgentCommand, BodyFact, Health } from './agent.js';
import type { Cause } from './exit.js';
import type { PauseMode, StopPlan } from './spec.js';

/** The decisions behind the agent's chart: what its guards ask and what its assignments write. */

/** Where an agent that is ending is heading. */
export type Heading = 'stopped' | 'completed' | 'failed';

/** What the chart needs to know of a spec. One object serves all agents of a spec. */
export interface AgentSettings {
  readonly leases: boolean;
  /** Ready as soon as it runs. */
  readonly readyAtOnce: boolean;
  readonly readyTimeout: number;
  /** The longest that one incarnation may run, in ms, pauses left out; Infinity for as long as it likes. */
  readonly maxRuntime: number;
  readonly successCodes: readonly number[];
  readonly stop: StopPlan;
}

/** The part of `maxRuntime` that an incarnation has left. Monotonic ms. */
export interface Runtime {
  /** What was left at `since`. */
  readonly left: number;
  /** Since when it is counted down; while it is paused, since when it is not. */
  readonly since: number;
}

export interface AgentContext {
  readonly id: string;
  readonly path: string;
  readonly settings: AgentSettings;
  /** When it came into its state, in wall-clock ms. */
  readonly since: number;
  readonly incarnation: number;
  readonly pid: number | null;
  readonly ports: Readonly<Record<string, number>>;
  readonly startedAt: number | null;
  readonly readyAt: number | null;
  readonly pausedAt: number | null;
  readonly pauseMode: PauseMode | null;
  /** Why the last forced pause failed; `null` when it did not, or may yet. */
  readonly pauseProblem: string | null;
  /** `null` when its runtime is not limited. */
  readonly runtime: Runtime | null;
  readonly health: Health;
  readonly heading: Heading;
  readonly cause: Cause | null;
  readonly detail: string;
  readonly commanded: boolean;
  readonly exit: ExitFacts | null;
  readonly drained: boolean;
  /** The extension that runs (0 for none), and all that were granted to this start or stop together, in ms. */
  readonly extension: number;
  readonly extended: number;
  /** The plain deadline has passed; only the extension holds the end off. */
  readonly overdue: boolean;
  /** The delay before the next try; `null` when none comes by itself. */
  readonly retryIn: number | null;
}

/** What an agent's actor is created with. */
export interface AgentInput {
  readonly id: string;
  readonly path: string;
  readonly settings: AgentSettings;
  /** The last incarnation that an agent of this path has had. */
  readonly incarnation: number;
}

/** The bare facts of an exit, as the body reported them. */
export interface ExitFacts {
  readonly pid: number | null;
  readonly code: number | null;
  readonly signal: string | null;
  readonly oom: boolean;
  readonly at: number;
}

type Exited = Extract<BodyFact, { type: 'EXITED' }>;
type Start = Extract<AgentCommand, { type: 'START' }>;
type Limit = Extract<AgentCommand, { type: 'LIMIT_PASSED' }>;

/** The context of an agent before its first start. */
export function initialContext({ id, path, settings, incarnation }: AgentInput): AgentContext {
  const fresh = freshIncarnation({ incarnation, at: 0, now: 0 }, settings);
  return { id, path, settings, ...fresh, startedAt: null };
}

type OfIncarnation = Omit<AgentContext, 'id' | 'path' | 'settings'>;

/** The context with which an incarnation begins. */
export function freshIncarnation(
  { incarnation, at, now }: Omit<Start, 'type'>,
  { maxRuntime }: AgentSettings,
): OfIncarnation {
  return {
    since: at,
    incarnation,
    pid: null,
    ports: {},
    startedAt: at,
    readyAt: null,
    pausedAt: null,
    pauseMode: null,
    pauseProblem: null,
    runtime: maxRuntime === Number.POSITIVE_INFINITY ? null : { left: maxRuntime, since: now },
    health: 'unknown',
    heading: 'failed',
    cause: null,
    detail: '',
    commanded: false,
    exit: null,
    drained: false,
    extension: 0,
    extended: 0,
    overdue: false,
    retryIn: null,
  };
}

/**
 * The runtime that is left when a pause is asked for. The deadline stays the same, so a pause that fails has changed nothing; one that
 * comes about stops the timer and carries over what was left when it was asked for.
 */
export function holdRuntime({ runtime }: AgentContext, now: number): Partial<AgentContext> {
  if (runtime === null) return {};
  return { runtime: { left: Math.max(0, runtime.left - (now - runtime.since)), since: now } };
}

/** The runtime goes on with what was left. */
export function continueRuntime({ runtime }: AgentContext, now: number): Partial<AgentContext> {
  return runtime === null ? {} : { runtime: { left: runtime.left, since: now } };
}

/** What a stop adds. The first stop says why it ends; a stop of its supervisor that follows a limit does not overrule the limit. */
export function noteStop({ commanded }: AgentContext, cause: Cause): Partial<AgentContext> {
  return commanded ? {} : { cause, commanded: true, heading: 'stopped' };
}

/** What a passed limit adds: an end so that it is started again is a failure, an end for good is a stop. */
export function noteLimit({ cause, detail, action }: Omit<Limit, 'type' | 'incarnation'>): Partial<AgentContext> {
  const isStop = action === 'stop';
  return { cause, detail, commanded: isStop, heading: isStop ? 'stopped' : 'failed' };
}

/**
 * What an exit adds. A cause that was noted before (a stop, a limit) stays; an end of its own is done or failed by its code. One that
 * leaves nothing behind is where the state of rest begins.
 */
export function noteExit(context: AgentContext, event: Exited): Partial<AgentContext> {
  const { code, signal, oom, at } = event;
  const since = event.empty && event.drained ? at : context.since;
  const facts = { since, pid: null, exit: { pid: context.pid, code, signal, oom, at }, drained: event.drained };
  if (context.cause !== null) return facts;
  const cause: Cause = signal === null ? 'exit' : 'signal';
  return { ...facts, cause, detail: event.detail, heading: headingOf(context, code) };
}

function headingOf(context: AgentContext, code: number | null): Heading {
  const done = context.readyAt !== null && code !== null && context.settings.successCodes.includes(code);
  return done ? 'completed' : 'failed';
}

/**
 * How much of what is asked for is granted, after `granted` ms already were: what the bound `most` leaves, or nothing where that is
 * less than the extension that runs, because who asks for more must not get less.
 */
export function grantExtension(asked: number, running: number, granted: number, most: number): number {
  const left = most - granted;
  if (asked <= left) return Math.max(0, asked);
  return left > running ? left : 0;
}

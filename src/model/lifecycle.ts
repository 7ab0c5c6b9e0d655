import type { BodyFact, Health } from './agent.js';
import type { Cause } from './exit.js';
import type { PauseMode, StopPlan } from './spec.js';

/** The decisions behind the agent's chart: what its guards ask and what its assignments write down. */

/** Where an agent that is ending is heading. */
export type Heading = 'stopped' | 'completed' | 'failed';

/** What the chart needs to know of a spec. One object serves all agents of a spec. */
export interface AgentSettings {
  readonly leases: boolean;
  /** Ready as soon as it runs. */
  readonly readyAtOnce: boolean;
  readonly readyTimeout: number;
  readonly successCodes: readonly number[];
  readonly stop: StopPlan;
}

export interface AgentContext {
  readonly id: string;
  readonly path: string;
  readonly settings: AgentSettings;
  readonly incarnation: number;
  readonly pid: number | null;
  readonly ports: Readonly<Record<string, number>>;
  readonly startedAt: number | null;
  readonly readyAt: number | null;
  readonly pausedAt: number | null;
  readonly pauseMode: PauseMode | null;
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

/** The bare facts of an exit, as the body told them. */
export interface ExitFacts {
  readonly code: number | null;
  readonly signal: string | null;
  readonly oom: boolean;
  readonly at: number;
}

type Exited = Extract<BodyFact, { type: 'EXITED' }>;

/** What an agent knows before its first start. */
export function initialContext({ id, path, settings, incarnation }: AgentInput): AgentContext {
  return { id, path, settings, ...freshIncarnation(incarnation, 0), startedAt: null };
}

/** What an incarnation begins with. */
export function freshIncarnation(incarnation: number, at: number): Omit<AgentContext, 'id' | 'path' | 'settings'> {
  return {
    incarnation,
    pid: null,
    ports: {},
    startedAt: at,
    readyAt: null,
    pausedAt: null,
    pauseMode: null,
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

/** What an exit adds. A cause that was noted before (a stop, a limit) stays; an end of its own is done or failed by its code. */
export function noteExit(context: AgentContext, event: Exited): Partial<AgentContext> {
  const { code, signal, oom, at } = event;
  const facts = { pid: null, exit: { code, signal, oom, at }, drained: event.drained };
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

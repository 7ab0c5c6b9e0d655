import type { ActorRefFrom, StateValue } from 'xstate';
import type { AgentView } from '../../contract/view.js';
import type { Incarnation, StartOrder } from '../../drivers/driver.js';
import type { agentMachine } from '../../machines/agent.js';
import type { AgentState, Blocker } from '../../model/agent.js';
import type { Cause, ExitRecord } from '../../model/exit.js';
import type { AgentContext } from '../../model/lifecycle.js';
import type { Reason } from '../../model/reason.js';
import type { AgentSpec } from '../../model/spec.js';
import type { Output } from '../output/output.js';
import type { Identity } from './identity.js';

/** What an agent tells its supervisor; the supervisor adds id, time and chance. */
export type Told =
  | { readonly type: 'ready'; readonly generation: number }
  | { readonly type: 'ended'; readonly generation: number; readonly reason: Reason }
  | { readonly type: 'stuck'; readonly generation: number; readonly blockers: string };

/** The part of `maxRuntime` that one incarnation has left. */
export interface Runtime {
  /** In ms, when it was last counted. */
  left: number;
  /** Since when it is counted down; `null` while it is not. */
  since: number | null;
  timer: unknown;
}

/**
 * One agent's hands: what the chart of the agent acts with, and what it looks like from outside. The chart's context holds plain
 * data only; handles, rings and listeners are here.
 */
export interface AgentCell {
  readonly path: string;
  readonly id: string;
  readonly uuid: string;
  readonly spec: AgentSpec;
  readonly createdAt: number;
  readonly output: Output;
  readonly tell: (told: Told) => void;
  /** Asks the supervisor to stop it for good; resolves when it is stopped. */
  readonly stop: () => Promise<string>;
  /** What stays with its path. */
  readonly identity: Identity;
  ref: ActorRefFrom<typeof agentMachine>;
  /** The context as it is even while the chart is between two states. */
  context: AgentContext;
  state: AgentState;
  since: number;
  body: Incarnation | null;
  order: StartOrder | null;
  pid: number | null;
  exit: ExitRecord | null;
  blockers: readonly Blocker[];
  /** Why the last forced pause did not come about; empty when a resume overtook it, `null` when it did, or may yet. */
  unfrozen: string | null;
  /** The limit for which this incarnation is being stopped for good. */
  overLimit: { readonly cause: Cause; readonly detail: string } | null;
  /** What is left of its `maxRuntime`; `null` when it is not limited, or at rest. */
  runtime: Runtime | null;
  unwatch: (() => void) | null;
  /** Takes a word of the readiness channel while readiness is awaited. */
  word: ((word: string) => void) | null;
}

/** Here nothing of it is left, and its ports are given back. */
const AT_REST: ReadonlySet<AgentState> = new Set(['failed', 'completed', 'stopped']);

/** Nothing of it is left: neither a process, nor a port, nor output to be read. */
export function isAtRest(cell: AgentCell): boolean {
  return AT_REST.has(cell.state);
}

/** The processes that keep these agents from being at rest. */
export function remainsOf(cells: Iterable<AgentCell>): Blocker[] {
  return [...cells].filter((cell) => !isAtRest(cell)).flatMap((cell) => cell.body?.inspect() ?? []);
}

/** The agent as it is now. */
export function viewOf(cell: AgentCell): AgentView {
  const { context } = cell;
  const { body } = cell.spec;
  return {
    path: cell.path,
    id: cell.id,
    uuid: cell.uuid,
    state: cell.state,
    detail: detailOf(cell),
    pid: context.pid,
    ports: isAtRest(cell) ? {} : context.ports,
    restart: cell.spec.restart,
    restarts: Math.max(0, cell.identity.starts - 1),
    incarnation: context.incarnation,
    health: context.health,
    since: cell.since,
    createdAt: cell.createdAt,
    startedAt: context.startedAt,
    readyAt: context.readyAt,
    pausedAt: cell.state === 'paused' ? context.pausedAt : null,
    pauseMode: cell.state === 'paused' ? context.pauseMode : null,
    exit: cell.exit,
    retryIn: cell.state === 'failed' ? context.retryIn : null,
    blockers: cell.state === 'zombie' ? (cell.body?.inspect() ?? cell.blockers) : [],
    command: body.type === 'command' ? body.command : [body.type],
    metadata: cell.spec.metadata,
  };
}

/** Between two states the chart still has the old value: then the state alone is told. */
function detailOf(cell: AgentCell): string {
  const detail = textOf(cell.ref.getSnapshot().value);
  return isWithin(cell.state, detail) ? detail : cell.state;
}

/** A value of the agent's chart as one text: `stopping.asking.asked`. */
export function textOf(value: StateValue): string {
  if (typeof value === 'string') return value;
  return Object.entries(value)
    .map(([word, inner]) => (inner === undefined ? word : `${word}.${textOf(inner)}`))
    .join();
}

/** Whether a value of the chart is this state, or one of its sub-states. */
export function isWithin(state: AgentState, detail: string): boolean {
  return detail === state || detail.startsWith(`${state}.`);
}

/** Nothing is awaited any more: the watch for readiness ends. */
export function endWatch(cell: AgentCell): void {
  cell.unwatch?.();
  cell.unwatch = null;
  cell.word = null;
}

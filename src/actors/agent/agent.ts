import type { ActorRefFrom, StateValue } from 'xstate';
import type { AgentView } from '../../contract/view.js';
import type { Incarnation, StartOrder } from '../../drivers/driver.js';
import type { agentMachine } from '../../machines/agent.js';
import type { AgentState, Blocker } from '../../model/agent.js';
import type { ExitRecord } from '../../model/exit.js';
import type { AgentContext } from '../../model/lifecycle.js';
import type { Reason } from '../../model/reason.js';
import { isWaiting, waitingText } from '../../model/report.js';
import type { AgentSpec } from '../../model/spec.js';
import type { Output } from '../output/output.js';
import type { Identity } from './identity.js';

/** What an agent notifies its supervisor of; the supervisor adds id, time and a random number. */
export type ChildFact =
  | { readonly type: 'ready'; readonly generation: number }
  | { readonly type: 'ended'; readonly generation: number; readonly reason: Reason }
  | { readonly type: 'stuck'; readonly generation: number; readonly blockers: string };

/**
 * One agent of a tree: the actor of its chart, and what the effects of the chart act with. Where it is in its lifecycle, and since when
 * and why, is in the chart alone (`contextOf`, `stateOf`).
 */
export interface Agent {
  readonly path: string;
  readonly id: string;
  readonly uuid: string;
  readonly spec: AgentSpec;
  readonly createdAt: number;
  readonly output: Output;
  readonly notifySupervisor: (fact: ChildFact) => void;
  /** Asks the supervisor to stop it for good; resolves when it is stopped. */
  readonly requestStop: () => Promise<string>;
  /** The siblings that must be ready before it is started, as far as a start of it is due. */
  readonly awaited: () => readonly string[];
  /** What stays with its path. */
  readonly identity: Identity;
  readonly ref: ActorRefFrom<typeof agentMachine>;
  /** What the driver runs; `null` at rest. */
  body: Incarnation | null;
  order: StartOrder | null;
  /** The record of its last end, maybe of an incarnation before; `null` before the first one. */
  exit: ExitRecord | null;
  /** Ends the watch for readiness, while there is one. */
  unwatch: (() => void) | null;
  /** What the last poll of readiness of this incarnation found, in words; empty where there was none. */
  unreadiness: string;
  /** Takes a word of the readiness channel while readiness is awaited. */
  word: ((word: string) => void) | null;
  /** The last view that was made of it, with what it was made from. */
  view: MadeView | null;
}

interface MadeView {
  readonly of: AgentView;
  readonly snapshot: object;
  readonly exit: ExitRecord | null;
  readonly starts: number;
}

/** The context of its chart. */
export function contextOf({ ref }: Agent): AgentContext {
  return ref.getSnapshot().context;
}

/** The state of its chart, without sub-states. */
export function stateOf({ ref }: Agent): AgentState {
  const value: StateValue = ref.getSnapshot().value;
  if (typeof value === 'string') return value as AgentState;
  for (const state in value) return state as AgentState;
  throw new Error('a chart is always in a state');
}

/** The whole state of its chart, sub-states with dots: `stopping.asking.asked`. */
function detailOf({ ref }: Agent, awaited: readonly string[]): string {
  return awaited.length > 0 ? waitingText(awaited) : textOf(ref.getSnapshot().value);
}

/** Here nothing of it is left, and its ports are given back. */
const AT_REST: ReadonlySet<AgentState> = new Set(['failed', 'completed', 'stopped']);

/** Nothing of it is left: neither a process, nor a port, nor output to be read. */
export function isAtRest(agent: Agent): boolean {
  return AT_REST.has(stateOf(agent));
}

/** The processes that keep these agents from being at rest. */
export function remainsOf(agents: Iterable<Agent>): Blocker[] {
  return [...agents].filter((agent) => !isAtRest(agent)).flatMap(blockersOf);
}

/** The processes that are left of it. */
export function blockersOf({ body }: Agent): Blocker[] {
  return body?.inspect() ?? [];
}

/** The agent as it is now: the same object as long as nothing of it has changed, so that lists need not be built anew. */
export function viewOf(agent: Agent): AgentView {
  const snapshot = agent.ref.getSnapshot();
  const { exit, identity, view } = agent;
  const same = view?.snapshot === snapshot && view.exit === exit && view.starts === identity.starts;
  const awaited = isAtRest(agent) ? agent.awaited() : [];
  if (same && awaited.length === 0 && !isWaiting(view.of)) return view.of;
  const of = makeView(agent, awaited);
  // The blockers of a zombie are looked for each time.
  if (of.state !== 'zombie') agent.view = { of: Object.freeze(of), snapshot, exit, starts: identity.starts };
  return of;
}

/** The agent as a node of its tree, kept in the same way. */
export function agentNodeOf(agent: Agent): AgentNode {
  const view = viewOf(agent);
  let node = nodes.get(view);
  if (node === undefined) {
    node = { kind: 'agent', ...view };
    nodes.set(view, node);
  }
  return node;
}

type AgentNode = { readonly kind: 'agent' } & AgentView;

const nodes = new WeakMap<AgentView, AgentNode>();

function makeView(agent: Agent, awaited: readonly string[]): AgentView {
  const context = contextOf(agent);
  const state = stateOf(agent);
  const { body } = agent.spec;
  const isPaused = state === 'paused';
  return {
    path: agent.path,
    id: agent.id,
    uuid: agent.uuid,
    state,
    detail: detailOf(agent, awaited),
    pid: context.pid,
    ports: AT_REST.has(state) ? {} : context.ports,
    restart: agent.spec.restart,
    restarts: Math.max(0, agent.identity.starts - 1),
    incarnation: context.incarnation,
    // A probe says something about what runs, and about nothing else.
    health: state === 'running' ? context.health : 'unknown',
    since: context.since,
    createdAt: agent.createdAt,
    startedAt: context.startedAt,
    readyAt: context.readyAt,
    pausedAt: isPaused ? context.pausedAt : null,
    pauseMode: isPaused ? context.pauseMode : null,
    exit: agent.exit,
    retryIn: state === 'failed' ? context.retryIn : null,
    blockers: state === 'zombie' ? blockersOf(agent) : [],
    command: body.type === 'command' ? body.command : [body.type],
    metadata: agent.spec.metadata,
  };
}

function textOf(value: StateValue): string {
  if (typeof value === 'string') return value;
  for (const word in value) return `${word}.${textOf(value[word] as StateValue)}`;
  return '';
}

/** Readiness is not awaited any more. */
export function endWatch(agent: Agent): void {
  agent.unwatch?.();
  agent.unwatch = null;
  agent.word = null;
}

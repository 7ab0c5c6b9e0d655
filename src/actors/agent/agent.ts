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
import type { AgentRecord } from './agent-record.js';
import type { WatchedAgent } from './probes/liveness.js';

/** A notification of an agent to its supervisor, which adds id, time and a random number. */
export type ChildFact =
  | { readonly type: 'ready'; readonly generation: number }
  | { readonly type: 'ended'; readonly generation: number; readonly reason: Reason }
  | { readonly type: 'stuck'; readonly generation: number; readonly blockers: string };

/** A hook that runs. */
export interface RunningHook {
  readonly body: Incarnation;
  /** When it was started, on the monotonic clock in ms. */
  readonly since: number;
  /** Why it was asked to end or killed, as a part of a sentence; `null` when it was not. */
  interruption: string | null;
}

/**
 * One agent of a tree: the actor of its chart, and the objects that the effects of the chart act on. Its state in the lifecycle, with time and reason, is
 * in the chart alone (`contextOf`, `stateOf`).
 */
export interface Agent extends WatchedAgent {
  readonly path: string;
  readonly id: string;
  readonly uuid: string;
  readonly spec: AgentSpec;
  readonly createdAt: number;
  readonly output: Output;
  readonly notifySupervisor: (fact: ChildFact) => void;
  /** Asks the supervisor to stop the agent without a restart; resolves when it is stopped. */
  readonly requestStop: () => Promise<string>;
  /** The siblings that must be ready before its planned start; empty without one. */
  readonly awaited: () => readonly string[];
  /** The data that outlives the agent at its path. */
  readonly record: AgentRecord;
  readonly ref: ActorRefFrom<typeof agentMachine>;
  /** The running body; `null` at rest. */
  body: Incarnation | null;
  /** The running hook; `null` without one. */
  hook: RunningHook | null;
  order: StartOrder | null;
  /** The record of its last end, perhaps of an earlier incarnation; `null` before the first one. */
  exit: ExitRecord | null;
  /** Ends the watch for readiness; `null` without one. */
  unwatch: (() => void) | null;
  /** The result of the last readiness poll of this incarnation, as text; empty without one. */
  unreadiness: string;
  /** What it said of itself last (STATUS= of sd_notify(3)), of this incarnation; empty without. */
  statusText: string;
  /** True when MAINPID of this incarnation was refused, which is reported. */
  isMainPidRefused: boolean;
  /** Receives messages of the readiness channel while readiness is awaited. */
  word: ((word: string) => void) | null;
  /** The last view of it, with the objects from which it was made. */
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

/** The state of its chart with sub-states, joined by dots: `stopping.asking.asked`. */
function detailOf({ ref }: Agent, awaited: readonly string[]): string {
  return awaited.length > 0 ? waitingText(awaited) : textOf(ref.getSnapshot().value);
}

/** In these states nothing of it is left, and its ports are released. */
const AT_REST: ReadonlySet<AgentState> = new Set(['failed', 'completed', 'stopped']);

/** True when nothing of it is left: neither a process, nor a port, nor output to be read. */
export function isAtRest(agent: Agent): boolean {
  return AT_REST.has(stateOf(agent));
}

/** The processes that keep these agents from rest. */
export function remainsOf(agents: Iterable<Agent>): Blocker[] {
  return [...agents].filter((agent) => !isAtRest(agent)).flatMap(blockersOf);
}

/** The remaining processes of an agent. */
export function blockersOf({ body, hook }: Agent): Blocker[] {
  return [...(body?.inspect() ?? []), ...(hook?.body.inspect() ?? [])];
}

/** The view of an agent: the same object while the agent is unchanged, so that lists need not be built again. */
export function viewOf(agent: Agent): AgentView {
  const snapshot = agent.ref.getSnapshot();
  const { exit, record, view } = agent;
  const same = view?.snapshot === snapshot && view.exit === exit && view.starts === record.starts;
  const awaited = isAtRest(agent) ? agent.awaited() : [];
  if (same && awaited.length === 0 && !isWaiting(view.of)) return view.of;
  const of = makeView(agent, awaited);
  // The blockers of a zombie are read each time.
  if (of.state !== 'zombie') agent.view = { of: Object.freeze(of), snapshot, exit, starts: record.starts };
  return of;
}

/** The agent as a node of its tree, cached in the same way. */
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
    restarts: Math.max(0, agent.record.starts - 1),
    incarnation: context.incarnation,
    ...healthOf(state, context),
    statusText: AT_REST.has(state) ? '' : agent.statusText,
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

/** Health only applies to a running agent. */
function healthOf(
  state: AgentState,
  context: AgentContext,
): Pick<AgentView, 'health' | 'healthSince' | 'healthDetail'> {
  if (state !== 'running') return { health: 'unknown', healthSince: null, healthDetail: '' };
  return { health: context.health, healthSince: context.healthSince, healthDetail: context.probeProblem };
}

function textOf(value: StateValue): string {
  if (typeof value === 'string') return value;
  for (const word in value) return `${word}.${textOf(value[word] as StateValue)}`;
  return '';
}

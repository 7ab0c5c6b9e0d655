import { nanoid } from 'nanoid';
import type { AgentHandle, AgentView, SupervisorHandle, SupervisorView, TreeView, Usage } from '../contract/view.js';
import { joinPath } from '../model/id.js';
import type { NodeInput } from '../model/input.js';
import { isWaiting } from '../model/report.js';
import { invalidSpec, validateChild } from '../model/validate.js';
import { isMap } from '../protocol/kinds.js';
import { packedLines } from '../protocol/line-page.js';
import { unknownOperation } from '../protocol/operation-of.js';
import {
  type AgentRow,
  OPERATIONS,
  type Operation,
  type OperationName,
  type ParamsOf,
  type ResultOf,
  readParams,
} from '../protocol/operations.js';
import { keepPacked, packedInParts, withLastField } from '../protocol/packed-parts.js';
import type { Draft, Message } from '../protocol/protocol.js';
import type { GuardedTree, Opened } from './access/guarded-tree.js';
import { agentsIn } from './additions.js';
import type { Control } from './control.js';
import { healthOf } from './listing.js';
import { withProgress } from './progress.js';
import type { Request } from './request.js';
import { pubEndpointsFor } from './streams/endpoints.js';

/** Answers an operation of supertree: at once, unless it takes time. Throws and rejects with the errors of the tree, COMMAND_UNKNOWN, MESSAGE_INVALID. */
export function answerTree(
  request: Request,
  { request_id, operation: name, params: given, progress }: Message<'tree_request'>,
  opened: Opened,
  interim: (bytes: Buffer) => void,
): Eventual<Draft<'tree_response'>> {
  if (!Object.hasOwn(OPERATIONS, name)) throw unknownOperation(name);
  const operation: Operation = OPERATIONS[name as OperationName];
  const params = readParams(operation.params, given) as ParamsOf<OperationName>;
  // The declaration guarantees that operation, parameters and opened subject match.
  const handler = HANDLERS[name as OperationName] as Handler<OperationName>;
  const work = () => handler(opened as never, params as never, request);
  const path = progress ? pathOf(opened, operation.of, params) : null;
  const data = path === null ? work() : withProgress(request.control, request_id, path, interim, work);
  const answered = (result: unknown) => ({ type: 'tree_response', request_id, success: true, data: result }) as const;
  return data instanceof Promise ? data.then(answered) : answered(data);
}

/** The path of the agent whose progress is reported: the named one, or the added one; `null` for none. */
function pathOf(opened: Opened, of: string, params: object): string | null {
  if (of === 'agent') return 'path' in opened ? opened.path : null;
  if (of !== 'supervisor' || !('path' in opened) || !('spec' in params)) return null;
  return isMap(params.spec) && typeof params.spec.id === 'string' ? joinPath(opened.path, params.spec.id) : null;
}

/** There at once, or later: what needs no waiting costs no turn of the event loop and no timer. */
type Eventual<T> = T | Promise<T>;

type Usages = ReadonlyMap<string, Usage>;

/** The first argument of a handler: the agent or the supervisor of its operation, opened for the peer; else the tree of the peer. */
type SubjectOf<N extends OperationName> = (typeof OPERATIONS)[N]['of'] extends 'agent'
  ? AgentHandle
  : (typeof OPERATIONS)[N]['of'] extends 'supervisor'
    ? SupervisorHandle
    : GuardedTree;

type Handler<N extends OperationName> = (
  subject: SubjectOf<N>,
  params: ParamsOf<N>,
  request: Request,
) => Eventual<ResultOf<N>>;

/** Every operation as calls of the tree. Access is checked before: see the declarations. */
const HANDLERS: { readonly [N in OperationName]: Handler<N> } = {
  ps: (tree, { usage }, request) => rowsOf(request, tree.agents(), usage),
  tree: (_tree, { usage }, request) => treeOf(request, usage),
  status: (agent, { usage }, request) => rowOf(request, agent, usage),
  spawn: async (supervisor, { spec, wait }, request) => {
    const { control, tree } = request;
    const adding = add(control, supervisor, spec, 1);
    if (wait === false) await accepted(control, adding);
    const path = wait === false ? `${supervisor.path}/${spec.id}` : await adding;
    return rowOf(request, tree.agent(path, 'spawn'));
  },
  start: (agent, { wait }, request) => command(request, agent, agent.start(), wait),
  stop: (agent, { wait }, request) => command(request, agent, agent.stop(), wait),
  kill: (agent, { wait }, request) => command(request, agent, agent.kill(), wait),
  restart: (agent, { wait }, request) => command(request, agent, agent.restart(), wait),
  pause: (agent, { wait, mode }, request) => command(request, agent, agent.pause(mode), wait),
  resume: (agent, { wait }, request) => command(request, agent, agent.resume(), wait),
  signal: (agent, { signal }, request) => command(request, agent, agent.signal(signal)),
  send: async (agent, { data, end = false }) => {
    const bytes = data.length === 0 ? 0 : await agent.write(data);
    // The role of a stop was checked for `end` before anything was written.
    if (end) await agent.endInput();
    return { bytes };
  },
  resize: async (agent, { columns, rows }) => {
    await agent.resize(columns, rows);
    return { columns, rows };
  },
  logs: (agent, { agent: _, ...query }, { control }) => {
    const { lines, dropped, next } = agent.output(query);
    const page = { lines: packedLines(lines), dropped, next };
    return packedInParts(control.ended.has(agent.uuid) ? { ...page, over: true } : page);
  },
  health: (_tree, _params, request) => healthOf(request),
  snapshot: (tree, _params, { control }) => control.events.snapshot(tree.peer.grants === null ? undefined : tree),
  streams: (_tree, _params, { control, context }) => ({
    pubEndpoints: pubEndpointsFor(control.pubEndpoints, context.endpoint),
    epoch: control.events.epoch,
  }),
  terminate_child: (supervisor, { id }) => childAnswer(supervisor, id, supervisor.terminate(id)),
  restart_child: (supervisor, { id }) => childAnswer(supervisor, id, supervisor.restart(id)),
  delete_child: (supervisor, { id }) => childAnswer(supervisor, id, supervisor.delete(id)),
  add_child: async (supervisor, { spec }, { control }) => ({
    path: await add(control, supervisor, spec, agentsIn(spec)),
  }),
  which_children: (supervisor) => supervisor.which(),
  count_children: (supervisor) => supervisor.count(),
};

/** Waits for a command, or without `wait` until it is accepted: then a later error is logged. */
async function command(request: Request, agent: AgentHandle, work: Promise<void>, wait = true): Promise<AgentRow> {
  await (wait ? work : accepted(request.control, work));
  return rowOf(request, agent);
}

/** Resolves when `work` was not refused at once; rejects when it was. */
async function accepted({ failed }: Control, work: Promise<unknown>): Promise<void> {
  let isAccepted = false;
  work.catch((thrown) => isAccepted && failed(thrown));
  await Promise.race([work, new Promise((resolve) => setImmediate(resolve))]);
  isAccepted = true;
}

/** Adds a child from data, so without functions. A pool makes its instance itself. */
function add(control: Control, supervisor: SupervisorHandle, spec: unknown, count: number): Promise<string> {
  if (spec !== undefined) {
    // The tree checks significance: it knows the supervisor's autoShutdown.
    const problems = validateChild(spec, { autoShutdown: 'any_significant' }, 'data');
    if (problems.length > 0) throw invalidSpec(problems);
  }
  const id = isMap(spec) && typeof spec.id === 'string' ? spec.id : nanoid();
  const { withDefaults = (node) => node } = control;
  const input = spec === undefined ? undefined : withDefaults(spec as NodeInput);
  return control.additions.add(`${supervisor.path}/${id}`, count, () => supervisor.add(input));
}

async function childAnswer(supervisor: SupervisorHandle, id: string, work: Promise<void>): Promise<{ path: string }> {
  await work;
  return { path: `${supervisor.path}/${id}` };
}

/** Agents with their cpu and memory; `null` when that was not measured. */
function rowsOf(request: Request, views: readonly AgentView[], measure = false): Eventual<AgentRow[]> {
  const rows = (usage: Usages) => packedInParts(views.map((view) => measured(view, usage)));
  return measure ? usageOf(request, views).then(rows) : rows(NONE);
}

/** The row of an agent. A peer without `observe` gets its state, which is the result of its command, but not its details. */
function rowOf(request: Request, agent: AgentHandle, measure = false): Eventual<AgentRow> {
  const view = agent.view();
  if (!request.tree.observes(view.path))
    return { ...view, usage: null, ...HIDDEN_FIELDS, detail: isWaiting(view) ? view.state : view.detail };
  const row = (usage: Usages) => {
    const found = measured(view, usage);
    return request.control.ended.has(view.uuid) ? { ...found, over: true } : found;
  };
  return measure ? usageOf(request, [view]).then(row) : row(NONE);
}

/** The fields that need the role `observe`. */
const HIDDEN_FIELDS = { command: [], metadata: {}, ports: {}, exit: null, blockers: [] } as const;

/** The tree with every agent as its row. */
function treeOf({ tree }: Request, measure = false): Eventual<SupervisorView> {
  const rows = (usage: Usages): SupervisorView => {
    const withUsage = (node: TreeView): TreeView =>
      node.kind === 'agent' ? measured(node, usage) : supervisorRow(node, withUsage);
    return supervisorRow(tree.view(), withUsage);
  };
  return measure ? tree.usage().then(rows) : rows(NONE);
}

function supervisorRow(node: SupervisorView, rowOf: (child: TreeView) => TreeView): SupervisorView {
  return packedInParts({ ...node, children: packedInParts(node.children.map(rowOf)) });
}

async function usageOf({ tree }: Request, views: readonly AgentView[]): Promise<Usages> {
  const running = views.filter(({ pid }) => pid !== null).map(({ path }) => path);
  return running.length === 0 ? NONE : tree.usage(running);
}

/** The row of a view without usage, cached: an unchanged agent has the same view, and so the same row. */
const unmeasured = new WeakMap<AgentView, AgentRow>();

function measured<V extends AgentView>(view: V, usage: Usages): V & AgentRow {
  let row = unmeasured.get(view) as (V & AgentRow) | undefined;
  if (row === undefined) {
    row = keepPacked({ ...view, usage: null });
    unmeasured.set(view, row);
  }
  const known = usage.get(view.path);
  return known === undefined ? row : withLastField(row, 'usage', known);
}

const NONE: ReadonlyMap<string, Usage> = new Map();

import { nanoid } from 'nanoid';
import type { AgentHandle, AgentView, SupervisorHandle } from '../contract/view.js';
import { SupertreeError } from '../errors.js';
import type { NodeInput } from '../model/input.js';
import { invalidSpec, validateChild } from '../model/validate.js';
import { isMap, isUuid } from '../protocol/kinds.js';
import { lineView } from '../protocol/line-view.js';
import type { AgentRow, LifecycleParams, OperationName, ParamsOf, ResultOf } from '../protocol/operations.js';
import { may } from './access/roles.js';
import { agentsIn, withinLimit } from './capacity.js';
import type { Control } from './control.js';
import { healthOf } from './listing.js';
import type { RequestContext } from './request-context.js';
import { rowsOf, treeOf } from './rows.js';
import { pubEndpointsFor } from './streams/endpoints.js';

type Answer<N extends OperationName> = (
  control: Control,
  params: ParamsOf<N>,
  context: RequestContext,
) => Promise<ResultOf<N>>;

/** Every operation as calls of the tree. */
export const OPERATIONS: { readonly [N in OperationName]: Answer<N> } = {
  ps: (control, { usage = false }) => rowsOf(control, control.tree.agents(), usage),
  tree: (control, { usage = false }) => treeOf(control, usage),
  status: (control, { agent, usage = false }) => rowOf(control, control.tree.agent(agent), usage),
  spawn: async (control, { spec, parent, wait = true }) => {
    const supervisor = control.tree.supervisor(parent);
    const adding = add(control, supervisor, spec);
    if (!wait) await accepted(control, adding);
    const path = wait ? await adding : `${supervisor.path}/${spec.id}`;
    return rowOf(control, control.tree.agent(path), false);
  },
  start: (control, params) => lifecycle(control, params, (agent) => agent.start()),
  stop: (control, params) => lifecycle(control, params, (agent) => agent.stop()),
  kill: (control, params) => lifecycle(control, params, (agent) => agent.kill()),
  restart: (control, params) => lifecycle(control, params, (agent) => agent.restart()),
  pause: (control, params) => lifecycle(control, params, (agent) => agent.pause(params.mode)),
  resume: (control, params) => lifecycle(control, params, (agent) => agent.resume()),
  signal: (control, { agent, signal }) => lifecycle(control, { agent }, (handle) => handle.signal(signal)),
  send: async (control, { agent, data, end = false }) => {
    const handle = commanded(control, agent);
    const bytes = data.length === 0 ? 0 : await handle.write(data);
    if (end) await handle.endInput();
    return { bytes };
  },
  logs: async (control, { agent, ...query }) => {
    const handle = control.tree.agent(agent);
    const { lines, dropped, next } = handle.output(query);
    const page = { lines: lines.map(lineView), dropped, next };
    return control.ended.has(handle.uuid) ? { ...page, over: true } : page;
  },
  health: async (control) => healthOf(control),
  snapshot: async (control) => control.events.snapshot(control.peer.grants === null ? control.living : control.tree),
  streams: async (control, _params, { endpoint }) => ({
    pubEndpoints: pubEndpointsFor(control.pubEndpoints, endpoint),
    epoch: control.events.epoch,
  }),
  terminate_child: (control, { path, id }) => administer(control, path, id, (supervisor) => supervisor.terminate(id)),
  restart_child: (control, { path, id }) => administer(control, path, id, (supervisor) => supervisor.restart(id)),
  delete_child: (control, { path, id }) => administer(control, path, id, (supervisor) => supervisor.delete(id)),
  add_child: async (control, { path, spec }) => ({ path: await add(control, control.tree.supervisor(path), spec) }),
  which_children: async (control, { path }) => control.tree.supervisor(path).which(),
  count_children: async (control, { path }) => control.tree.supervisor(path).count(),
};

/** Gives an agent a command. Without `wait` it resolves once the command is accepted; what comes of it later is told to the log. */
async function lifecycle(
  control: Control,
  { agent, wait = true }: LifecycleParams,
  command: (handle: AgentHandle) => Promise<void>,
): Promise<AgentRow> {
  const handle = commanded(control, agent);
  const done = command(handle);
  await (wait ? done : accepted(control, done));
  return rowFor(control, handle.view(), false);
}

/** A command is for who lives: a name may be somebody else's by now, on another server. Of its uuid alone an agent that is over is told what it is. */
function commanded(control: Control, ref: string): AgentHandle {
  const handle = control.tree.agent(ref);
  if (control.ended.has(handle.uuid) && !isUuid(ref)) throw new SupertreeError('AGENT_NOT_FOUND', { agent: ref });
  return handle;
}

/** Resolves when `work` was not refused at once; rejects when it was. */
async function accepted(control: Control, work: Promise<unknown>): Promise<void> {
  let told = false;
  work.catch((thrown) => told && control.failed(thrown));
  await Promise.race([work, new Promise((resolve) => setImmediate(resolve))]);
  told = true;
}

/** Adds a child from data: there are no functions on the wire. A pool makes its instance itself. */
function add(control: Control, supervisor: SupervisorHandle, spec: unknown): Promise<string> {
  if (spec !== undefined) {
    // The tree judges significance: it knows the supervisor's autoShutdown.
    const problems = validateChild(spec, { autoShutdown: 'any_significant' }, 'data');
    if (problems.length > 0) throw invalidSpec(problems);
  }
  const id = isMap(spec) && typeof spec.id === 'string' ? spec.id : nanoid();
  const addition = { path: `${supervisor.path}/${id}`, id, count: agentsIn(spec) };
  return withinLimit(control, addition, () => supervisor.add(spec as NodeInput | undefined));
}

async function administer(
  control: Control,
  path: string | undefined,
  id: string,
  command: (supervisor: SupervisorHandle) => Promise<void>,
): Promise<{ path: string }> {
  const supervisor = control.tree.supervisor(path);
  await command(supervisor);
  return { path: `${supervisor.path}/${id}` };
}

async function rowOf(control: Control, handle: AgentHandle, usage: boolean): Promise<AgentRow> {
  return rowFor(control, handle.view(), usage);
}

/** The row of an agent. Who may not observe it is told where it is and what came of the command, not what it runs. */
async function rowFor(control: Control, view: AgentView, usage: boolean): Promise<AgentRow> {
  const row = { ...view, usage: null };
  if (!may(control.peer, 'observe', view.path)) return { ...row, ...UNSEEN };
  const [measured = row] = await rowsOf(control, [view], usage);
  return control.ended.has(view.uuid) ? { ...measured, over: true } : measured;
}

/** What only `observe` shows. */
const UNSEEN = { command: [], metadata: {}, ports: {}, exit: null, blockers: [] } as const;

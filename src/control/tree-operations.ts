import { nanoid } from 'nanoid';
import type { AgentHandle, AgentView, SupervisorHandle } from '../contract/view.js';
import { SupertreeError } from '../errors.js';
import type { NodeInput } from '../model/input.js';
import { invalidSpec, validateChild } from '../model/validate.js';
import { isMap, isUuid } from '../protocol/kinds.js';
import { lineView } from '../protocol/line-view.js';
import type { AgentRow, LifecycleParams, OperationName, ParamsOf, ResultOf } from '../protocol/operations.js';
import { may } from './access/roles.js';
import type { Arrival } from './arrival.js';
import { agentsIn, withinLimit } from './capacity.js';
import type { Service } from './control.js';
import { healthOf } from './listing.js';
import { rowsOf, treeOf } from './rows.js';
import { pubEndpointsFor } from './streams/endpoints.js';

type Answer<N extends OperationName> = (
  service: Service,
  params: ParamsOf<N>,
  arrival: Arrival,
) => Promise<ResultOf<N>>;

/** Every operation as calls of the tree. */
export const OPERATIONS: { readonly [N in OperationName]: Answer<N> } = {
  ps: (service, { usage = false }) => rowsOf(service, service.tree.agents(), usage),
  tree: (service, { usage = false }) => treeOf(service, usage),
  status: (service, { agent, usage = false }) => rowOf(service, service.tree.agent(agent), usage),
  spawn: async (service, { spec, parent, wait = true }) => {
    const supervisor = service.tree.supervisor(parent);
    const adding = add(service, supervisor, spec);
    if (!wait) await accepted(service, adding);
    const path = wait ? await adding : `${supervisor.path}/${spec.id}`;
    return rowOf(service, service.tree.agent(path), false);
  },
  start: (service, params) => lifecycle(service, params, (agent) => agent.start()),
  stop: (service, params) => lifecycle(service, params, (agent) => agent.stop()),
  kill: (service, params) => lifecycle(service, params, (agent) => agent.kill()),
  restart: (service, params) => lifecycle(service, params, (agent) => agent.restart()),
  pause: (service, params) => lifecycle(service, params, (agent) => agent.pause(params.mode)),
  resume: (service, params) => lifecycle(service, params, (agent) => agent.resume()),
  signal: (service, { agent, signal }) => lifecycle(service, { agent }, (handle) => handle.signal(signal)),
  send: async (service, { agent, data, end = false }) => {
    const handle = commanded(service, agent);
    const bytes = data.length === 0 ? 0 : await handle.write(data);
    if (end) await handle.endInput();
    return { bytes };
  },
  logs: async (service, { agent, ...query }) => {
    const handle = service.tree.agent(agent);
    const { lines, dropped, next } = handle.output(query);
    const page = { lines: lines.map(lineView), dropped, next };
    return service.past.has(handle.uuid) ? { ...page, over: true } : page;
  },
  health: async (service) => healthOf(service),
  snapshot: async (service) => service.events.snapshot(service.peer.grants === null ? service.living : service.tree),
  streams: async (service, _params, { endpoint }) => ({
    pubEndpoints: pubEndpointsFor(service.pubEndpoints, endpoint),
    epoch: service.events.epoch,
  }),
  terminate_child: (service, { path, id }) => administer(service, path, id, (supervisor) => supervisor.terminate(id)),
  restart_child: (service, { path, id }) => administer(service, path, id, (supervisor) => supervisor.restart(id)),
  delete_child: (service, { path, id }) => administer(service, path, id, (supervisor) => supervisor.delete(id)),
  add_child: async (service, { path, spec }) => ({ path: await add(service, service.tree.supervisor(path), spec) }),
  which_children: async (service, { path }) => service.tree.supervisor(path).which(),
  count_children: async (service, { path }) => service.tree.supervisor(path).count(),
};

/** Gives an agent a command. Without `wait` it resolves once the command is accepted; what comes of it later is told to the log. */
async function lifecycle(
  service: Service,
  { agent, wait = true }: LifecycleParams,
  command: (handle: AgentHandle) => Promise<void>,
): Promise<AgentRow> {
  const handle = commanded(service, agent);
  const done = command(handle);
  await (wait ? done : accepted(service, done));
  return rowFor(service, handle.view(), false);
}

/** A command is for who lives: a name may be somebody else's by now, on another server. Of its uuid alone an agent that is over is told what it is. */
function commanded(service: Service, ref: string): AgentHandle {
  const handle = service.tree.agent(ref);
  if (service.past.has(handle.uuid) && !isUuid(ref)) throw new SupertreeError('AGENT_NOT_FOUND', { agent: ref });
  return handle;
}

/** Resolves when `work` was not refused at once; rejects when it was. */
async function accepted(service: Service, work: Promise<unknown>): Promise<void> {
  let told = false;
  work.catch((thrown) => told && service.failed(thrown));
  await Promise.race([work, new Promise((resolve) => setImmediate(resolve))]);
  told = true;
}

/** Adds a child from data: there are no functions on the wire. A pool makes its instance itself. */
function add(service: Service, supervisor: SupervisorHandle, spec: unknown): Promise<string> {
  if (spec !== undefined) {
    // The tree judges significance: it knows the supervisor's autoShutdown.
    const problems = validateChild(spec, { autoShutdown: 'any_significant' }, 'data');
    if (problems.length > 0) throw invalidSpec(problems);
  }
  const id = isMap(spec) && typeof spec.id === 'string' ? spec.id : nanoid();
  const addition = { path: `${supervisor.path}/${id}`, id, count: agentsIn(spec) };
  return withinLimit(service, addition, () => supervisor.add(spec as NodeInput | undefined));
}

async function administer(
  service: Service,
  path: string | undefined,
  id: string,
  command: (supervisor: SupervisorHandle) => Promise<void>,
): Promise<{ path: string }> {
  const supervisor = service.tree.supervisor(path);
  await command(supervisor);
  return { path: `${supervisor.path}/${id}` };
}

async function rowOf(service: Service, handle: AgentHandle, usage: boolean): Promise<AgentRow> {
  return rowFor(service, handle.view(), usage);
}

/** The row of an agent. Who may not observe it is told where it is and what came of the command, not what it runs. */
async function rowFor(service: Service, view: AgentView, usage: boolean): Promise<AgentRow> {
  const row = { ...view, usage: null };
  if (!may(service.peer, 'observe', view.path)) return { ...row, ...UNSEEN };
  const [measured = row] = await rowsOf(service, [view], usage);
  return service.past.has(view.uuid) ? { ...measured, over: true } : measured;
}

/** What only `observe` shows. */
const UNSEEN = { command: [], metadata: {}, ports: {}, exit: null, blockers: [] } as const;

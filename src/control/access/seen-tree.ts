import type { AgentHandle, SupervisorHandle, SupervisorView, Tree, TreeView } from '../../contract/view.js';
import { asSupertreeError, SupertreeError } from '../../errors.js';
import { reportListener, type Subscription } from '../../model/report-selection.js';
import { authorize, knows, may, type Peer, type Role } from './roles.js';

/**
 * A tree as one peer sees it. What the peer does not know does not exist in it: agents are not found, lists and measures
 * leave them out, reports are not told. What it knows and may not do throws FORBIDDEN, whichever request asked for it. The
 * supervisors above a subtree show their names and states, without their other children.
 */
export function treeSeenBy(peer: Peer, tree: Tree): Tree {
  const sees = (path: string) => may(peer, 'observe', path);
  const visible = () => tree.agents().filter(({ path }) => sees(path));
  const denied = (role: Role) => Promise.reject(new SupertreeError('FORBIDDEN', { role, subtree: tree.path }));
  return {
    path: tree.path,
    get status() {
      return tree.status;
    },
    ended: tree.ended,
    start: () => denied('lifecycle'),
    stop: () => denied('lifecycle'),
    [Symbol.asyncDispose]: () => denied('lifecycle'),
    agents: visible,
    agent: (ref) => guardAgent(peer, find(peer, tree, ref)),
    supervisor: (path) => guardSupervisor(peer, findSupervisor(peer, tree, path)),
    view: () => prune(tree.view(), sees) ?? { ...tree.view(), children: [] },
    usage: async (paths) => tree.usage(paths?.filter(sees) ?? visible().map(({ path }) => path)),
    subscribe: (...subscription: Subscription) => {
      const listener = reportListener(subscription);
      return tree.subscribe((report) => {
        if (knows(peer, report.path)) listener(report);
      });
    },
  };
}

/** The path that a key works in unless it says another: the root where it knows it, else its first subtree. */
export function homeOf(peer: Peer, tree: Tree): string {
  return knows(peer, tree.path) ? tree.path : (peer.grants?.[0]?.subtree ?? tree.path);
}

/** Throws AGENT_NOT_FOUND for what the peer does not know, AGENT_AMBIGUOUS with only the paths that it knows. */
function find(peer: Peer, tree: Tree, ref: string): AgentHandle {
  try {
    const handle = tree.agent(ref);
    if (knows(peer, handle.path)) return handle;
  } catch (thrown) {
    if (asSupertreeError(thrown).code !== 'AGENT_AMBIGUOUS') throw thrown;
    const [path, ...more] = namesakes(peer, tree, ref);
    if (path !== undefined && more.length === 0) return tree.agent(path);
    if (more.length > 0) throw new SupertreeError('AGENT_AMBIGUOUS', { agent: ref, paths: [path, ...more].join(', ') });
  }
  throw new SupertreeError('AGENT_NOT_FOUND', { agent: ref });
}

function namesakes(peer: Peer, tree: Tree, id: string): string[] {
  const same = tree.agents().filter((view) => view.id === id && knows(peer, view.path));
  return same.map(({ path }) => path);
}

/** Throws SUPERVISOR_NOT_FOUND for what the peer does not know, SUPERVISOR_AMBIGUOUS with only the paths that it knows. */
function findSupervisor(peer: Peer, tree: Tree, ref = homeOf(peer, tree)): SupervisorHandle {
  try {
    const handle = tree.supervisor(ref);
    if (knows(peer, handle.path)) return handle;
  } catch (thrown) {
    const { code, details } = asSupertreeError(thrown);
    if (code !== 'SUPERVISOR_AMBIGUOUS') throw thrown;
    const [path, ...more] = String(details.paths)
      .split(', ')
      .filter((each) => knows(peer, each));
    if (path !== undefined && more.length === 0) return tree.supervisor(path);
    if (more.length > 0) {
      throw new SupertreeError('SUPERVISOR_AMBIGUOUS', { supervisor: ref, paths: [path, ...more].join(', ') });
    }
  }
  throw new SupertreeError('SUPERVISOR_NOT_FOUND', { path: ref });
}

/** What each method of an agent takes; `null` where knowing the agent is enough. */
const AGENT_METHODS: { readonly [M in keyof AgentHandle]: Role | null } = {
  path: null,
  uuid: null,
  view: null,
  exit: null,
  waitFor: null,
  start: 'lifecycle',
  stop: 'lifecycle',
  kill: 'lifecycle',
  restart: 'lifecycle',
  pause: 'lifecycle',
  resume: 'lifecycle',
  signal: 'lifecycle',
  write: 'input',
  endInput: 'input',
  output: 'observe',
  lines: 'observe',
  onOutput: 'observe',
};

/** What each method of a supervisor takes. */
const SUPERVISOR_METHODS: { readonly [M in keyof SupervisorHandle]: Role | null } = {
  path: null,
  view: null,
  add: 'spawn',
  terminate: 'lifecycle',
  restart: 'lifecycle',
  delete: 'configure',
  which: 'observe',
  whichChild: 'observe',
  count: 'observe',
  childSpec: 'configure',
};

/** The agent as a peer has it: `null` when it does not know it. */
export function agentSeenBy(peer: Peer, handle: AgentHandle): AgentHandle | null {
  return knows(peer, handle.path) ? guardAgent(peer, handle) : null;
}

function guardAgent(peer: Peer, handle: AgentHandle): AgentHandle {
  return guard(handle, AGENT_METHODS, peer);
}

function guardSupervisor(peer: Peer, handle: SupervisorHandle): SupervisorHandle {
  return guard(handle, SUPERVISOR_METHODS, peer);
}

/** The same object, with every method asking for its role first. What the table does not name is not there. */
function guard<T extends { readonly path: string }>(
  inner: T,
  needs: { readonly [M in keyof T]: Role | null },
  peer: Peer,
): T {
  return new Proxy(inner, {
    get: (_target, name) => {
      if (!Object.hasOwn(needs, name)) return undefined;
      const value: unknown = Reflect.get(inner, name, inner);
      if (typeof value !== 'function') return value;
      const role = needs[name as keyof T];
      return (...args: unknown[]): unknown => {
        if (role !== null) authorize(peer, role, inner.path);
        return Reflect.apply(value, inner, args);
      };
    },
  });
}

/** A supervisor with what may be seen below it; `null` when that is nothing and it may not be seen itself. */
function prune(view: SupervisorView, sees: (path: string) => boolean): SupervisorView | null {
  const children = view.children.flatMap((child) => pruneChild(child, sees) ?? []);
  return children.length > 0 || sees(view.path) ? { ...view, children } : null;
}

function pruneChild(child: TreeView, sees: (path: string) => boolean): TreeView | null {
  if (child.kind !== 'agent') return prune(child, sees);
  return sees(child.path) ? child : null;
}

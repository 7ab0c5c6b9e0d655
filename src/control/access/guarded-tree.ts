import type {
  AgentHandle,
  AgentView,
  SupervisorHandle,
  SupervisorView,
  Tree,
  TreeView,
  Usage,
} from '../../contract/view.js';
import { asSupertreeError, SupertreeError } from '../../errors.js';
import { isUuid } from '../../protocol/kinds.js';
import { OPERATIONS, type Operation, type OperationName, type Role } from '../../protocol/operations.js';
import { authorize, knows, may, type Peer, UNPROVEN } from './roles.js';

/** The lookup of ended agents. */
interface EndedLookup {
  find(ref: string, accept: (view: AgentView) => boolean): AgentHandle | null;
  views(): AgentView[];
}

/** The subject of a request, after its role was checked. */
export type Opened = AgentHandle | SupervisorHandle | GuardedTree;

/**
 * The tree with its ended agents, restricted to one peer: the only place that decides about access. An agent or supervisor that the peer does not know
 * does not exist for it (AGENT_NOT_FOUND, SUPERVISOR_NOT_FOUND; lists and measurements leave it out). One that it knows without having the role throws
 * FORBIDDEN with the role and the path. The declaration of the operation names the role.
 */
export class GuardedTree {
  readonly peer: Peer;
  readonly #tree: Tree;
  readonly #ended: EndedLookup;

  constructor(tree: Tree, ended: EndedLookup, peer: Peer) {
    this.#tree = tree;
    this.#ended = ended;
    this.peer = peer;
  }

  /** The default path of the peer's requests: the root if the peer knows it, else its first subtree. */
  get home(): string {
    const { path } = this.#tree;
    return knows(this.peer, path) ? path : (this.peer.grants?.[0]?.subtree ?? path);
  }

  /**
   * The agent or the supervisor that a request names, or this tree for a request that names none and for a message that is no request (`null`). Throws
   * KEY_UNPROVEN, and the errors of `agent` and `supervisor`.
   */
  open(operation: Pick<Operation, 'of' | 'role'> | null, ref: string | null): Opened {
    this.#assertProven();
    if (operation === null || operation.role === null) return this;
    const { of, role } = operation;
    if (of === 'listing') this.#authorizeListing();
    if (of === 'tree') authorize(this.peer, role, this.#tree.path);
    if (of === 'supervisor') return this.supervisor(ref, role);
    // A missing agent is a missing parameter, which is reported when the parameters are read.
    return ref === null ? this : this.agent(ref, role);
  }

  /**
   * An agent by path, uuid, or an id that is unique among the agents that the peer knows. Ended agents are found too, but for commands only by uuid: their
   * name may belong to another agent by now, also on another server. Throws AGENT_NOT_FOUND, AGENT_ABSENT, AGENT_AMBIGUOUS, FORBIDDEN.
   */
  agent(ref: string, role: Role): AgentHandle {
    const found = this.#agentInTree(ref) ?? this.#endedAgent(ref, role);
    if (found === null) throw new SupertreeError('AGENT_NOT_FOUND', { agent: ref });
    return this.#opened(found, role, AGENT_METHODS);
  }

  /**
   * A supervisor by path, or by an id that is unique among the supervisors that the peer knows; the one at `home` if `ref` is `null`. Throws
   * SUPERVISOR_NOT_FOUND, SUPERVISOR_AMBIGUOUS, FORBIDDEN.
   */
  supervisor(ref: string | null, role: Role): SupervisorHandle {
    if (this.peer.grants === null) return this.#tree.supervisor(ref ?? undefined);
    const name = ref ?? this.home;
    const found = this.#supervisorNamed(name);
    if (found === null) throw new SupertreeError('SUPERVISOR_NOT_FOUND', { path: name });
    return this.#opened(found, role, SUPERVISOR_METHODS);
  }

  /** The agents in the tree that the peer may observe. */
  agents(): AgentView[] {
    return this.#visible(this.#tree.agents());
  }

  /** The ended agents that the peer may observe. */
  ended(): AgentView[] {
    return this.#visible(this.#ended.views());
  }

  /** The tree that the peer may observe. The supervisors above a subtree show their names and states, without other children. */
  view(): SupervisorView {
    const root = this.#tree.view();
    return this.peer.grants === null ? root : (this.#prune(root) ?? { ...root, children: [] });
  }

  /** The usage of these agents, as far as the peer may observe them. If no paths are given, of all. */
  usage(paths?: readonly string[]): Promise<ReadonlyMap<string, Usage>> {
    if (this.peer.grants === null) return this.#tree.usage(paths);
    return this.#tree.usage(paths?.filter((path) => this.observes(path)) ?? this.agents().map(({ path }) => path));
  }

  /**
   * The check of a request whose subject is not known yet: throws KEY_UNPROVEN, and FORBIDDEN when the peer has the role in no subtree that exists. `null` if
   * no role is needed.
   */
  assertRoleSomewhere(role: Role | null): void {
    this.#assertProven();
    const { grants } = this.peer;
    if (grants === null || role === null) return;
    if (grants.some(({ roles, subtree }) => roles.includes(role) && this.#exists(subtree))) return;
    throw new SupertreeError('FORBIDDEN', { role, subtree: this.home });
  }

  observes(path: string): boolean {
    return may(this.peer, 'observe', path);
  }

  #assertProven(): void {
    if (this.peer === UNPROVEN) throw new SupertreeError('KEY_UNPROVEN');
  }

  #visible(views: AgentView[]): AgentView[] {
    return this.peer.grants === null ? views : views.filter(({ path }) => this.observes(path));
  }

  #authorizeListing(): void {
    const observesSomething = this.peer.grants?.some(({ roles }) => roles.includes('observe')) ?? true;
    if (!observesSomething) authorize(this.peer, 'observe', this.home);
  }

  /** `null` when the peer knows none of that name. Throws AGENT_AMBIGUOUS with only the paths that it knows, AGENT_ABSENT for one that it knows. */
  #agentInTree(ref: string): AgentHandle | null {
    try {
      const handle = this.#tree.agent(ref);
      return knows(this.peer, handle.path) ? handle : null;
    } catch (thrown) {
      const { code, details } = asSupertreeError(thrown);
      if (code === 'AGENT_NOT_FOUND') return null;
      if (code === 'AGENT_ABSENT' && !knows(this.peer, String(details.agent))) return null;
      if (code !== 'AGENT_AMBIGUOUS' || this.peer.grants === null) throw thrown;
      return this.#onlyKnown(ref);
    }
  }

  #onlyKnown(id: string): AgentHandle | null {
    const known = this.#tree.agents().filter((view) => view.id === id && knows(this.peer, view.path));
    const [path, ...more] = known.map((view) => view.path);
    if (path === undefined) return null;
    if (more.length === 0) return this.#tree.agent(path);
    throw new SupertreeError('AGENT_AMBIGUOUS', { agent: id, paths: [path, ...more].join(', ') });
  }

  /** `null` when the peer knows none of that name. Throws SUPERVISOR_AMBIGUOUS with only the paths that it knows. */
  #supervisorNamed(ref: string): SupervisorHandle | null {
    try {
      const handle = this.#tree.supervisor(ref);
      return knows(this.peer, handle.path) ? handle : null;
    } catch (thrown) {
      const { code, details } = asSupertreeError(thrown);
      if (code === 'SUPERVISOR_NOT_FOUND') return null;
      if (code !== 'SUPERVISOR_AMBIGUOUS') throw thrown;
      const known = String(details.paths).split(', ');
      const [path, ...more] = known.filter((each) => knows(this.peer, each));
      if (path === undefined) return null;
      if (more.length === 0) return this.#tree.supervisor(path);
      throw new SupertreeError('SUPERVISOR_AMBIGUOUS', { supervisor: ref, paths: [path, ...more].join(', ') });
    }
  }

  #endedAgent(ref: string, role: Role): AgentHandle | null {
    if (COMMAND_ROLES.has(role) && !isUuid(ref)) return null;
    return this.#ended.find(ref, ({ path }) => knows(this.peer, path) && !this.#isSupervisor(path));
  }

  #exists(path: string): boolean {
    return this.#isSupervisor(path) || this.#agentInTree(path) !== null || this.#ended.find(path, () => true) !== null;
  }

  #isSupervisor(path: string): boolean {
    try {
      return this.#tree.supervisor(path).path === path;
    } catch {
      // SUPERVISOR_NOT_FOUND.
      return false;
    }
  }

  /**
   * The same object, with a check of the role in front of every method; for a peer with all roles the object itself. Methods outside of the table do not exist.
   * Throws FORBIDDEN.
   */
  #opened<T extends { readonly path: string }>(inner: T, role: Role, methods: Methods<T>): T {
    const { peer } = this;
    if (peer.grants === null) return inner;
    authorize(peer, role, inner.path);
    return new Proxy(inner, {
      get: (_target, name) => {
        if (!Object.hasOwn(methods, name)) return undefined;
        const value: unknown = Reflect.get(inner, name, inner);
        if (typeof value !== 'function') return value;
        const operation = methods[name as keyof T];
        return (...args: unknown[]): unknown => {
          if (operation !== null) authorize(peer, OPERATIONS[operation].role as Role, inner.path);
          return Reflect.apply(value, inner, args);
        };
      },
    });
  }

  /** The observable part of a supervisor; `null` when that is empty. */
  #prune(view: SupervisorView): SupervisorView | null {
    const children = view.children.flatMap((child): readonly TreeView[] => {
      if (child.kind === 'agent') return this.observes(child.path) ? [child] : [];
      const pruned = this.#prune(child);
      return pruned === null ? [] : [pruned];
    });
    if (children.length === 0 && !this.observes(view.path)) return null;
    const { failure, ...rest } = view;
    return failure === undefined || !this.observes(failure.path) ? { ...rest, children } : { ...view, children };
  }
}

/** The roles of commands: a name stands for an agent in the tree only, a uuid for an ended one too. */
const COMMAND_ROLES: ReadonlySet<Role> = new Set<Role>(['input', 'lifecycle']);

/** The operation whose role each method needs; `null` if no role is needed beyond knowing the object. */
type Methods<T> = { readonly [M in keyof T]: OperationName | null };

/** An action of an embedding program gets a guarded agent: it may do with it what the requesting peer may do. */
const AGENT_METHODS: Methods<AgentHandle> = {
  path: null,
  uuid: null,
  view: null,
  exit: null,
  waitFor: null,
  start: 'start',
  stop: 'stop',
  kill: 'kill',
  restart: 'restart',
  pause: 'pause',
  resume: 'resume',
  signal: 'signal',
  write: 'send',
  // A program whose standard input is closed usually ends.
  endInput: 'stop',
  resize: 'resize',
  output: 'logs',
  lines: 'logs',
  onOutput: 'logs',
};

const SUPERVISOR_METHODS: Methods<SupervisorHandle> = {
  path: null,
  view: null,
  has: null,
  add: 'add_child',
  terminate: 'terminate_child',
  restart: 'restart_child',
  delete: 'delete_child',
  which: 'which_children',
  whichChild: 'which_children',
  count: 'count_children',
  childSpec: 'delete_child',
};

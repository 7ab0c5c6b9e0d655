import type { Tree } from '../contract/view.js';
import { AgentInfos } from '../protocol/list-frames.js';
import type { AgentConfig, Draft, MessageType } from '../protocol/protocol.js';
import { type Audit, nonThrowing } from './access/audit.js';
import { LOCAL, type Peer } from './access/roles.js';
import { agentSeenBy, treeSeenBy } from './access/seen-tree.js';
import type { Actions } from './actions.js';
import { Cursors } from './cursors.js';
import { EndedAgents, withEndedAgents } from './ended-agents.js';
import { Filters } from './filter.js';
import { IdempotencyKeys, KEPT_FOR } from './idempotency.js';
import { DEFAULT_LIMITS, type Limits } from './limits.js';
import { EventStream } from './streams/events.js';
import { NO_TOPICS, type Topics } from './streams/topics.js';

/** What an agent configuration of the agent protocol becomes. */
export interface SpawnPlan {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface ControlOptions {
  readonly tree: Tree;
  readonly serverId: string;
  readonly version: string;
  /** The endpoints as they are, wildcard ports replaced. Read anew for every answer. */
  readonly endpoints: () => readonly string[];
  /** Where output, states and events are published, as they are bound; empty for nowhere. */
  readonly pubEndpoints: readonly string[];
  /** What publishes the events. If not given, nothing does. */
  readonly topics?: Topics;
  /** If not given, the defaults. */
  readonly limits?: Partial<Limits>;
  readonly maxAgents: number;
  /** Turns a configuration into a command line. Throws BACKEND_UNKNOWN. */
  readonly plan: (config: AgentConfig) => SpawnPlan;
  /** The path of the supervisor that spawned agents are added to. If not given, the root. */
  readonly parent?: string;
  /** What `custom_action` can do beyond the built-in actions. If not given, nothing. */
  readonly actions?: Actions;
  /** Told what went wrong after its caller had been answered. */
  readonly failed: (thrown: unknown) => void;
  /** Told of every command that was carried out or refused; may throw, which changes nothing for the command. If not given, nobody is. */
  readonly audit?: Audit;
}

/** Agents that are being added. */
export interface Addition {
  /** Of the agent or supervisor that is to be. */
  readonly path: string;
  readonly id: string;
  readonly count: number;
}

/** A tree as it is offered to the wire: what every request is answered from. */
export interface Control extends ControlOptions {
  /** Who is answered. */
  readonly peer: Peer;
  /** The tree as this peer sees it: what it does not know is not there, what it may not do throws FORBIDDEN. */
  readonly tree: Tree;
  /** The tree without those that are over. */
  readonly living: Tree;
  /** The tree as it is, for limits over all of it. Nothing of it goes into an answer. */
  readonly whole: Tree;
  readonly audit: Audit;
  readonly startedAt: number;
  readonly cursors: Cursors;
  /** The agents that are over. */
  readonly ended: EndedAgents;
  readonly filters: Filters;
  readonly infos: AgentInfos;
  /** The numbered events of the whole tree. */
  readonly events: EventStream;
  /** What was done for requests with an idempotency key. */
  readonly keys: IdempotencyKeys<Draft<MessageType>>;
  /** What is being added: told apart from what the tree has, which learns of it later. */
  readonly additions: Set<Addition>;
  close(): void;
}

/** Bytes of the answers that are kept for idempotency keys. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

/** Begins to offer a tree. `close` lets go of it. */
export function createControl(options: ControlOptions): Control {
  const cursors = new Cursors();
  const filters = new Filters();
  const infos = new AgentInfos();
  const forget = (uuid: string) => {
    cursors.forget(uuid);
    infos.forget(uuid);
  };
  const ended = new EndedAgents(options.tree, forget);
  const unsubscribe = options.tree.subscribe((report) => {
    // After `created` for a known uuid (a supervisor was restarted) its output begins anew.
    if (report.type === 'created') forget(report.uuid);
  });
  const { audit = () => {} } = options;
  const tree = withEndedAgents(options.tree, ended);
  const events = new EventStream(options.tree, options.topics ?? NO_TOPICS, options.failed);
  const { idempotencyKeys: max = DEFAULT_LIMITS.idempotencyKeys } = options.limits ?? {};
  return {
    ...options,
    tree,
    peer: LOCAL,
    living: options.tree,
    whole: tree,
    audit: nonThrowing(audit, options.failed),
    startedAt: performance.now(),
    cursors,
    ended,
    filters,
    infos,
    events,
    keys: new IdempotencyKeys({ max, keep: KEPT_FOR, bytes: MAX_KEPT_BYTES }),
    additions: new Set(),
    close: () => {
      unsubscribe();
      ended.close();
      events.close();
      filters.close().catch(options.failed);
    },
  };
}

/** The same service as one peer has it. */
export function controlFor(control: Control, peer: Peer): Control {
  if (peer === control.peer) return control;
  const known = controls.get(control)?.get(peer);
  if (known !== undefined) return known;
  const { living, whole, ended } = control;
  const seen = () => withEndedAgents(treeSeenBy(peer, living), ended, (handle) => agentSeenBy(peer, handle));
  const tree = peer.grants === null ? whole : seen();
  const made: Control = { ...control, peer, tree };
  const all = controls.get(control) ?? new WeakMap<Peer, Control>();
  controls.set(control, all.set(peer, made));
  return made;
}

const controls = new WeakMap<Control, WeakMap<Peer, Control>>();

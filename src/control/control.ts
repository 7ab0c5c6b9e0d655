import type { Tree } from '../contract/view.js';
import type { NodeInput } from '../model/input.js';
import type { StdinMode } from '../model/process.js';
import type { AgentConfig, Draft, MessageType } from '../protocol/protocol.js';
import type { Audit } from './access/audit.js';
import type { Actions } from './actions.js';
import { Additions } from './additions.js';
import { Cursors } from './cursors.js';
import { EndedAgents } from './ended-agents.js';
import { Filters } from './filter.js';
import { IdempotencyKeys, KEPT_FOR } from './idempotency.js';
import { DEFAULT_LIMITS, type Limits } from './limits.js';
import { StatusBroadcast } from './streams/broadcast.js';
import { EventStream } from './streams/events.js';
import { ReportFanOut } from './streams/report-fan-out.js';
import { NO_TOPICS, type Topics } from './streams/topics.js';

/** The command and the environment for an agent configuration of the agent protocol. */
export interface SpawnPlan {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** If not given, pipe. */
  readonly stdin?: StdinMode;
}

export interface ControlOptions {
  readonly tree: Tree;
  readonly serverId: string;
  readonly version: string;
  /** The bound endpoints, with port 0 replaced by the real port. Read for every answer. */
  readonly endpoints: () => readonly string[];
  /** The bound endpoints that output, states and events are published at; empty for none. */
  readonly pubEndpoints: readonly string[];
  /** Publishes output, states and events. If not given, nothing is published. */
  readonly topics?: Topics;
  /** If not given, the defaults. */
  readonly limits?: Partial<Limits>;
  readonly maxAgents: number;
  /** Turns a configuration into a command line. Throws BACKEND_UNKNOWN. */
  readonly plan: (config: AgentConfig) => SpawnPlan;
  /** Fills defaults into the spec of a child that is added from data. If not given, only the defaults of the library apply. */
  readonly withDefaults?: (spec: NodeInput) => NodeInput;
  /** The path of the supervisor that spawned agents are added to. If not given, the root. */
  readonly parent?: string;
  /** Actions of `custom_action` besides the built-in ones. If not given, none. */
  readonly actions?: Actions;
  /** Called with errors that belong to no request. */
  readonly failed: (thrown: unknown) => void;
  /** Called with a line for every command that was carried out or refused. Must not throw, see `nonThrowing`. If not given, nothing is audited. */
  readonly audit?: Audit;
}

/** Answers every request to a tree, whichever door it comes by. */
export interface Control extends Omit<ControlOptions, 'audit'> {
  /** `null` when nothing is audited. */
  readonly audit: Audit | null;
  /** The time of its creation, on the clock of `performance.now()`. */
  readonly startedAt: number;
  readonly cursors: Cursors;
  readonly ended: EndedAgents;
  readonly filters: Filters;
  /** The numbered events of the whole tree. */
  readonly events: EventStream;
  /** The only listener of the control in the tree. */
  readonly reports: ReportFanOut;
  /** The answers to requests with an idempotency key. */
  readonly keys: IdempotencyKeys<Draft<MessageType>>;
  /** Additions under way, which the tree may not know yet. */
  readonly additions: Additions;
  close(): void;
}

/** The most bytes of answers that are kept for idempotency keys. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

/** Starts to follow a tree and to publish its events. `close` ends that; the tree is not stopped. */
export function createControl(options: ControlOptions): Control {
  const { topics = NO_TOPICS, failed, audit = null } = options;
  const filters = new Filters();
  const parts = createParts(options, topics);
  const { idempotencyKeys: max = DEFAULT_LIMITS.idempotencyKeys } = options.limits ?? {};
  return {
    ...options,
    ...parts,
    audit,
    startedAt: performance.now(),
    filters,
    keys: new IdempotencyKeys({ max, keep: KEPT_FOR, bytes: MAX_KEPT_BYTES }),
    close: () => {
      parts.reports.close();
      parts.events.close();
      parts.statuses.close();
      filters.close().catch(failed);
    },
  };
}

/** The parts that follow the reports of the tree. */
function createParts({ tree, maxAgents, failed }: ControlOptions, topics: Topics) {
  const reports = new ReportFanOut(tree, failed);
  const cursors = new Cursors();
  const ended = new EndedAgents((uuid) => cursors.forget(uuid));
  const additions = new Additions(tree, maxAgents);
  const statuses = new StatusBroadcast(topics);
  reports.add(ended);
  reports.add(additions);
  const events = new EventStream(tree, topics, reports);
  reports.add(statuses);
  return { cursors, ended, additions, events, statuses, reports };
}

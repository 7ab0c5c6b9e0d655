import type { Tree } from '../contract/view.js';
import type { NodeInput } from '../model/input.js';
import type { AgentConfig, Draft, MessageType } from '../protocol/protocol.js';
import { type Audit, nonThrowing } from './access/audit.js';
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

/** What an agent configuration of the agent protocol becomes. */
export interface SpawnPlan {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface ControlOptions {
  readonly tree: Tree;
  readonly serverId: string;
  readonly version: string;
  /** The bound endpoints, wildcard ports replaced. Read anew for every answer. */
  readonly endpoints: () => readonly string[];
  /** The bound endpoints where output, states and events are published; empty for nowhere. */
  readonly pubEndpoints: readonly string[];
  /** Publishes output, states and events. If not given, nothing is published. */
  readonly topics?: Topics;
  /** If not given, the defaults. */
  readonly limits?: Partial<Limits>;
  readonly maxAgents: number;
  /** Turns a configuration into a command line. Throws BACKEND_UNKNOWN. */
  readonly plan: (config: AgentConfig) => SpawnPlan;
  /** Gives the spec of a child that is added from data its defaults. If not given, it has none but those of the library. */
  readonly withDefaults?: (spec: NodeInput) => NodeInput;
  /** The path of the supervisor that spawned agents are added to. If not given, the root. */
  readonly parent?: string;
  /** What `custom_action` can do beyond the built-in actions. If not given, nothing. */
  readonly actions?: Actions;
  /** Called with errors that no request can be answered with. */
  readonly failed: (thrown: unknown) => void;
  /** Called with a line for every command that was carried out or refused; may throw, which changes nothing for the command. If not given, nothing is recorded. */
  readonly audit?: Audit;
}

/** What answers every request to a tree, whichever door it comes by. */
export interface Control extends ControlOptions {
  readonly audit: Audit;
  /** When it was created, on the clock of `performance.now()`. */
  readonly startedAt: number;
  readonly cursors: Cursors;
  readonly ended: EndedAgents;
  readonly filters: Filters;
  /** The numbered events of the whole tree. */
  readonly events: EventStream;
  /** The one listener in the tree. */
  readonly reports: ReportFanOut;
  /** The answers to requests with an idempotency key. */
  readonly keys: IdempotencyKeys<Draft<MessageType>>;
  /** Additions that are under way, which the tree may not know yet. */
  readonly additions: Additions;
  close(): void;
}

/** Bytes of the answers that are kept for idempotency keys. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;

/** Begins to follow a tree and to publish what happens in it. `close` ends that; the tree goes on. */
export function createControl(options: ControlOptions): Control {
  const { topics = NO_TOPICS, failed, audit = () => {} } = options;
  const filters = new Filters();
  const parts = createParts(options, topics);
  const { idempotencyKeys: max = DEFAULT_LIMITS.idempotencyKeys } = options.limits ?? {};
  return {
    ...options,
    ...parts,
    audit: nonThrowing(audit, failed),
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

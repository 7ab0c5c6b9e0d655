import type { AgentData } from '../model/input.js';
import type { PauseMode } from '../model/spec.js';
import type {
  AgentRow,
  LogsPage,
  LogsQuery,
  OperationName,
  ParamsOf,
  ResultOf,
  ServerHealth,
  Snapshot,
} from '../protocol/operations.js';
import type { AgentStatus, ControlCommandType } from '../protocol/protocol.js';
import type { AnswerTo } from './answers.js';
import type { EventsOptions, TreeItem } from './events.js';
import type { FollowQuery, LogItem } from './logs.js';
import type { RequestDraft } from './requests.js';
import type { RequestOptions } from './server.js';
import type { ClientStatistics } from './statistics.js';
import type { StreamMessage } from './stream.js';

/** For a lifecycle call: `wait: false` resolves as soon as the command is accepted. */
export interface LifecycleOptions extends RequestOptions {
  readonly wait?: boolean;
}

export interface OutputQueryOptions {
  /** If not given, both. */
  readonly stream?: 'stdout' | 'stderr' | 'both';
  /** A regular expression that is looked for in each line. If not given, all lines. */
  readonly filter?: string;
  /** At most so many lines. If not given, all. */
  readonly limit?: number;
  /** Leaves out so many lines at the start. If not given, none. */
  readonly offset?: number;
}

export interface OutputLines {
  readonly lines: readonly string[];
  /** How many lines match, whatever limit and offset; `null` when the server does not say. */
  readonly total: number | null;
  readonly hasMore: boolean;
}

export interface BatchOptions extends RequestOptions {
  /** Begins no further one after the first failure. If not given, false. */
  readonly failFast?: boolean;
  readonly payload?: unknown;
}

/** What became of one agent of a batch. */
export interface BatchResult {
  /** As it was named. */
  readonly agent: string;
  /** `null` when there is no such agent. */
  readonly uuid: string | null;
  readonly success: boolean;
  readonly status: AgentStatus | null;
  readonly data: unknown;
  readonly error: string | null;
  readonly code: string | null;
}

export interface BatchOutcome {
  /** True when all succeeded. */
  readonly success: boolean;
  readonly successful: number;
  readonly failed: number;
  /** In the order in which they were named. */
  readonly results: readonly BatchResult[];
}

/** The agent protocol itself, for servers that speak nothing else, and for what has no method. */
export interface ProtocolClient {
  /** Sends one request and resolves with its answer, whether or not that tells of success; it has the same number. Rejects MESSAGE_INVALID for an answer of another kind. */
  send<D extends RequestDraft>(message: D, options?: RequestOptions): Promise<AnswerTo<D['type']>>;
  /** What the server publishes about an agent, as it comes. What is lost on the way is not told; for that there is `logs`. */
  stream(agentId: string): AsyncIterableIterator<StreamMessage>;
}

/**
 * A connection to one or several supertree servers. Every method rejects with the same SupertreeError that the server met; with NO_SERVER when the
 * connection is lost before the answer; with TIMEOUT; with CLIENT_CLOSED. Any number of requests may be made at once while it is connected; so many as
 * the window allows are in flight, the others wait in order.
 *
 * After a loss it connects again by itself. Requests that carry an idempotency key are then sent again, and done once all the same;
 * requests that are made meanwhile wait, up to the bound `queue`; one more rejects QUEUE_FULL. Agents are named by path, by an id that is unique,
 * or by uuid.
 *
 * With several servers, what names an agent or a supervisor goes to the server that has it, a spawn to the one with the fewest active agents of those
 * that have its parent, `agents` and `events` tell of all, and the rest goes to the least busy one; what would change something, and nobody knows
 * where, rejects SERVER_AMBIGUOUS. What none of those that are there has is waited for while one is away. Of several endpoints of one server one is
 * used. `servers` are clients of each.
 */
export interface Client extends AsyncDisposable {
  readonly endpoint: string;
  /** A client of each server, in the order of the endpoints. They are closed with this one. */
  readonly servers: readonly Client[];
  readonly statistics: ClientStatistics;
  readonly protocol: ProtocolClient;
  request<N extends OperationName>(name: N, params: ParamsOf<N>, options?: RequestOptions): Promise<ResultOf<N>>;
  agents(options?: RequestOptions & { usage?: boolean }): Promise<AgentRow[]>;
  tree(options?: RequestOptions & { usage?: boolean }): Promise<ResultOf<'tree'>>;
  status(agent: string, options?: RequestOptions & { usage?: boolean }): Promise<AgentRow>;
  /** Adds an agent below `parent`; the root if not given. */
  spawn(spec: AgentData, options?: LifecycleOptions & { parent?: string }): Promise<AgentRow>;
  start(agent: string, options?: LifecycleOptions): Promise<AgentRow>;
  stop(agent: string, options?: LifecycleOptions): Promise<AgentRow>;
  kill(agent: string, options?: LifecycleOptions): Promise<AgentRow>;
  restart(agent: string, options?: LifecycleOptions): Promise<AgentRow>;
  pause(agent: string, options?: LifecycleOptions & { mode?: PauseMode }): Promise<AgentRow>;
  resume(agent: string, options?: LifecycleOptions): Promise<AgentRow>;
  signal(agent: string, signal: string, options?: RequestOptions): Promise<AgentRow>;
  /** Writes to standard input; `end` closes it behind the data. Resolves with the number of bytes. */
  send(agent: string, data: string | Uint8Array, options?: RequestOptions & { end?: boolean }): Promise<number>;
  /** The same as `send`. */
  stdin(agent: string, data: string | Uint8Array, options?: RequestOptions & { end?: boolean }): Promise<number>;
  /** What its rings hold of standard output. Reading takes nothing away. */
  stdout(agent: string, query?: RequestOptions & Omit<LogsQuery, 'agent' | 'stream'>): Promise<LogsPage>;
  stderr(agent: string, query?: RequestOptions & Omit<LogsQuery, 'agent' | 'stream'>): Promise<LogsPage>;
  /** What its rings hold; with `follow`, that and every line from then on. */
  logs(agent: string, query: FollowQuery): AsyncIterableIterator<LogItem>;
  logs(agent: string, query?: RequestOptions & Omit<LogsQuery, 'agent'>): Promise<LogsPage>;
  /** Lines that match, with how many there are. Rejects MESSAGE_INVALID for a filter that is none, FILTER_SLOW. */
  output(agent: string, query?: RequestOptions & OutputQueryOptions): Promise<OutputLines>;
  /** One command for many agents, at the same time. It rejects only when nothing could be done at all. */
  batch(agents: readonly string[], command: ControlCommandType, options?: BatchOptions): Promise<BatchOutcome>;
  /** A custom action; resolves with what it answers. */
  action(agent: string, action: string, params?: unknown, options?: RequestOptions): Promise<unknown>;
  health(options?: RequestOptions): Promise<ServerHealth>;
  snapshot(options?: RequestOptions): Promise<Snapshot>;
  /** Everything that happens: first a snapshot, then every event after it; another snapshot says that something was missed. `TreeState` puts them together. */
  events(options?: EventsOptions): AsyncIterableIterator<TreeItem>;
  /** Tries again at once where the client has given up, or waits before its next try. */
  reconnect(): void;
  /** Rejects what is not answered, and what is asked later, with CLIENT_CLOSED, and ends what is followed. Leaves no timer and no socket. */
  close(): Promise<void>;
}

import type { AgentData } from '../model/input.js';
import type { TerminalSize } from '../model/process.js';
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
  /** The number of lines that match, regardless of `limit` and `offset`; `null` when the server does not send it. */
  readonly total: number | null;
  readonly hasMore: boolean;
}

export interface BatchOptions extends RequestOptions {
  /** Starts no further command after the first failure. If not given, false. */
  readonly failFast?: boolean;
  readonly payload?: unknown;
}

/** The result of the command for one agent of a batch. */
export interface BatchResult {
  /** The name of the agent as the caller gave it. */
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
  /** In the order of the given names. */
  readonly results: readonly BatchResult[];
}

/** Raw messages of the agent protocol: for foreign servers, and for messages without a method of their own. */
export interface ProtocolClient {
  /**
   * Sends one request and resolves with the answer of the same number, also when that reports a failure. Rejects MESSAGE_INVALID for an answer of
   * another type.
   */
  send<D extends RequestDraft>(message: D, options?: RequestOptions): Promise<AnswerTo<D['type']>>;
  /** The messages that the server publishes about an agent. Lost messages are not reported; use `logs` to get every line. */
  stream(agentId: string): AsyncIterableIterator<StreamMessage>;
}

/**
 * A connection to one or several supertree servers. Every method rejects with the SupertreeError of the server; with NO_SERVER when the connection
 * is lost before the answer; with TIMEOUT; with CLIENT_CLOSED. Any number of requests may be made at once: up to `window` of them are in flight,
 * the others are queued in order.
 *
 * The client reconnects by itself. Requests with an idempotency key are then sent again, and the server carries them out once. Requests made while
 * there is no connection are queued, up to `queue` of them; one more rejects QUEUE_FULL. Agents are named by path, by uuid, or by an id that is
 * unique.
 *
 * With several servers, a request that names an agent or a supervisor goes to the server that has it; a spawn goes to the server with the fewest
 * active agents among those that have the parent; `agents` and `events` cover all servers; any other request goes to the least busy server. A
 * request that changes something rejects SERVER_AMBIGUOUS when several servers could be meant. If no connected server has the name and one server is
 * disconnected, the request waits for that server. Of several endpoints of one server only one is used. `servers` has a client for each server.
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
  /** Changes the size of its terminal, or with the same size makes its program draw anew. */
  resize(agent: string, columns: number, rows: number, options?: RequestOptions): Promise<TerminalSize>;
  /** An alias of `send`. */
  stdin(agent: string, data: string | Uint8Array, options?: RequestOptions & { end?: boolean }): Promise<number>;
  /** The buffered lines of standard output. Reading does not remove them. */
  stdout(agent: string, query?: RequestOptions & Omit<LogsQuery, 'agent' | 'stream'>): Promise<LogsPage>;
  stderr(agent: string, query?: RequestOptions & Omit<LogsQuery, 'agent' | 'stream'>): Promise<LogsPage>;
  /** The buffered lines of both streams; with `follow`, those and every later line. */
  logs(agent: string, query: FollowQuery): AsyncIterableIterator<LogItem>;
  logs(agent: string, query?: RequestOptions & Omit<LogsQuery, 'agent'>): Promise<LogsPage>;
  /** The lines that match, and their number. Rejects MESSAGE_INVALID for an invalid filter, FILTER_SLOW, PROCESS_LIMIT. */
  output(agent: string, query?: RequestOptions & OutputQueryOptions): Promise<OutputLines>;
  /** One command for many agents, concurrently. Failures of single agents are in the results; it rejects only when the whole batch failed. */
  batch(agents: readonly string[], command: ControlCommandType, options?: BatchOptions): Promise<BatchOutcome>;
  /** Runs a custom action and resolves with its result. */
  action(agent: string, action: string, params?: unknown, options?: RequestOptions): Promise<unknown>;
  health(options?: RequestOptions): Promise<ServerHealth>;
  snapshot(options?: RequestOptions): Promise<Snapshot>;
  /** A snapshot, then every event after it. Another snapshot follows whenever events were missed. `TreeState` applies both. */
  events(options?: EventsOptions): AsyncIterableIterator<TreeItem>;
  /** Connects at once if the client has given up or is waiting before its next attempt. */
  reconnect(): void;
  /** Rejects pending and later requests with CLIENT_CLOSED and ends every iteration. Leaves no timer and no socket. */
  close(): Promise<void>;
}

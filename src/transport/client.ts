import { SupertreeError } from '../errors.js';
import type { AgentInput } from '../model/input.js';
import type { PauseMode } from '../model/spec.js';
import { candidateEndpoints, parseEndpoint } from './endpoint.js';
import { type Link, openLink } from './link.js';
import type {
  AgentRow,
  LogsPage,
  LogsQuery,
  OperationName,
  ParamsOf,
  Progress,
  ResultOf,
  ServerHealth,
} from './operations.js';
import { reach } from './reach.js';

export interface ConnectOptions {
  /** If not given, SUPERTREE_ENDPOINT, else the ipc socket of this user, then tcp://127.0.0.1:5555. */
  readonly endpoint?: string;
  /** How long a server has to answer the first question, in ms. If not given, 1500. */
  readonly timeout?: number;
}

export interface RequestOptions {
  /** How long to wait, in ms. If not given, 30000; for what takes as long as the agent takes (start, stop, ...), for ever. */
  readonly timeout?: number;
  /** Called with each word about the running request. If not given, none are sent. */
  readonly onProgress?: (progress: Progress) => void;
  /** Ends the wait, not the work. */
  readonly signal?: AbortSignal;
}

/** For a lifecycle call: `wait: false` resolves as soon as the command is accepted. */
export interface LifecycleOptions extends RequestOptions {
  readonly wait?: boolean;
}

/**
 * A connection to a supertree server. Every method rejects with the same SupertreeError that the server met; with NO_SERVER
 * when the connection is lost before the answer; with TIMEOUT. Any number of requests may be in flight.
 * After a loss it connects again by itself; what was in flight is not repeated.
 */
export interface Client extends AsyncDisposable {
  readonly endpoint: string;
  request<N extends OperationName>(name: N, params: ParamsOf<N>, options?: RequestOptions): Promise<ResultOf<N>>;
  agents(options?: { usage?: boolean }): Promise<AgentRow[]>;
  tree(options?: { usage?: boolean }): Promise<ResultOf<'tree'>>;
  status(agent: string, options?: { usage?: boolean }): Promise<AgentRow>;
  /** Adds an agent below `parent`; the root if not given. */
  spawn(spec: AgentInput, options?: LifecycleOptions & { parent?: string }): Promise<AgentRow>;
  start(agent: string, options?: LifecycleOptions): Promise<AgentRow>;
  stop(agent: string, options?: LifecycleOptions): Promise<AgentRow>;
  kill(agent: string, options?: LifecycleOptions): Promise<AgentRow>;
  restart(agent: string, options?: LifecycleOptions): Promise<AgentRow>;
  pause(agent: string, options?: LifecycleOptions & { mode?: PauseMode }): Promise<AgentRow>;
  resume(agent: string, options?: LifecycleOptions): Promise<AgentRow>;
  signal(agent: string, signal: string): Promise<AgentRow>;
  /** `end` closes standard input behind the data. Resolves with the number of bytes. */
  send(agent: string, data: string | Uint8Array, options?: { end?: boolean }): Promise<number>;
  logs(agent: string, query?: Omit<LogsQuery, 'agent'>): Promise<LogsPage>;
  health(): Promise<ServerHealth>;
  close(): Promise<void>;
}

const PROBE_TIMEOUT = 1_500;
const REQUEST_TIMEOUT = 30_000;

/** What takes as long as the agent takes. */
const UNHURRIED: ReadonlySet<OperationName> = new Set<OperationName>([
  'spawn',
  'start',
  'stop',
  'kill',
  'restart',
  'pause',
  'resume',
  'send',
  'terminate_child',
  'restart_child',
  'delete_child',
  'add_child',
]);

/**
 * Connects to a server and asks for its health, so that what it resolves with is known to work. Rejects ENDPOINT_INVALID;
 * NO_SERVER, at once when nobody listens.
 */
export async function connect(options: ConnectOptions = {}): Promise<Client> {
  const endpoints = options.endpoint === undefined ? candidateEndpoints() : [options.endpoint];
  for (const endpoint of endpoints) {
    const link = await probe(parseEndpoint(endpoint).text, options.timeout ?? PROBE_TIMEOUT);
    if (link !== null) return clientOf(endpoint, link);
  }
  throw new SupertreeError('NO_SERVER', { endpoint: endpoints.join(' or ') });
}

/** A link to a server that answered, or `null`. */
async function probe(endpoint: string, timeout: number): Promise<Link | null> {
  if ((await reach(parseEndpoint(endpoint), timeout)) !== 'open') return null;
  const link = openLink(endpoint);
  try {
    await link.call('health', {}, { timeout });
    return link;
  } catch (thrown) {
    link.close();
    if (thrown instanceof SupertreeError && (thrown.code === 'TIMEOUT' || thrown.code === 'NO_SERVER')) return null;
    throw thrown;
  }
}

function clientOf(endpoint: string, link: Link): Client {
  const request = <N extends OperationName>(name: N, params: ParamsOf<N>, options: RequestOptions = {}) => {
    const { timeout = UNHURRIED.has(name) ? Number.POSITIVE_INFINITY : REQUEST_TIMEOUT, onProgress, signal } = options;
    return link.call(name, params, { timeout, onProgress, signal }) as Promise<ResultOf<N>>;
  };
  const lifecycle = (name: 'start' | 'stop' | 'kill' | 'restart' | 'pause' | 'resume') => {
    return (agent: string, options: LifecycleOptions & { mode?: PauseMode } = {}): Promise<AgentRow> =>
      request(name, { agent, ...given({ wait: options.wait, mode: options.mode }) }, options);
  };
  const close = async () => link.close();
  return {
    endpoint,
    request,
    agents: (options = {}) => request('ps', options),
    tree: (options = {}) => request('tree', options),
    status: (agent, options = {}) => request('status', { agent, ...options }),
    spawn: (spec, options = {}) =>
      request('spawn', { spec, ...given({ parent: options.parent, wait: options.wait }) }, options),
    start: lifecycle('start'),
    stop: lifecycle('stop'),
    kill: lifecycle('kill'),
    restart: lifecycle('restart'),
    pause: lifecycle('pause'),
    resume: lifecycle('resume'),
    signal: (agent, signal) => request('signal', { agent, signal }),
    send: async (agent, data, options = {}) => (await request('send', { agent, data, ...options })).bytes,
    logs: (agent, query = {}) => request('logs', { agent, ...query }),
    health: () => request('health', {}),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The entries that have a value. */
function given<T extends object>(entries: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

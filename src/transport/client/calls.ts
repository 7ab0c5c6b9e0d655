import { SupertreeError } from '../../errors.js';
import type { PauseMode } from '../../model/spec.js';
import type { AgentRow, LogsPage, LogsQuery, OperationName, ParamsOf, ResultOf } from '../operations.js';
import { isUuid } from '../wire/kinds.js';
import type { ControlCommandType } from '../wire/protocol.js';
import { type AnswerTo, errorOf } from './answers.js';
import type {
  BatchOptions,
  BatchOutcome,
  Client,
  LifecycleOptions,
  OutputLines,
  OutputQueryOptions,
  ProtocolClient,
} from './api.js';
import { outcomeOf, sendBatch } from './batch.js';
import { followEvents, type TreeItem } from './events.js';
import { Fleet } from './fleet.js';
import { type FollowQuery, followLogs, type LogItem } from './logs.js';
import { fromLater, merged } from './merge.js';
import type { RequestDraft } from './requests.js';
import type { RequestOptions, ServerLink } from './server.js';
import { totalOf } from './statistics.js';
import { followStream } from './stream.js';

/** A client of these servers. */
export function clientOf(servers: readonly [ServerLink, ...ServerLink[]]): Client {
  const fleet = new Fleet(servers);
  const calls = new Calls(fleet);
  const { request } = calls;
  const each = servers.length === 1 ? [] : servers.map((server) => clientOf([server]));
  const close = async () => fleet.close();
  const client: Client = {
    endpoint: servers.map(({ link }) => link.endpoint).join(','),
    get servers() {
      return each.length === 0 ? [client] : each;
    },
    get statistics() {
      return totalOf(servers.map(({ link }) => link.statistics));
    },
    protocol: calls.protocol,
    request,
    agents: (options = {}) => calls.agents(options),
    tree: (options = {}) => request('tree', options),
    status: (agent, options = {}) => request('status', { agent, ...options }),
    spawn: (spec, { parent, wait, ...options } = {}) => request('spawn', { spec, ...given({ parent, wait }) }, options),
    start: calls.lifecycle('start'),
    stop: calls.lifecycle('stop'),
    kill: calls.lifecycle('kill'),
    restart: calls.lifecycle('restart'),
    pause: calls.lifecycle('pause'),
    resume: calls.lifecycle('resume'),
    signal: (agent, signal) => request('signal', { agent, signal }),
    send: (agent, data, options) => calls.write(agent, data, options),
    stdin: (agent, data, options) => calls.write(agent, data, options),
    stdout: (agent, query = {}) => request('logs', { agent, ...query, stream: 'stdout' }),
    stderr: (agent, query = {}) => request('logs', { agent, ...query, stream: 'stderr' }),
    logs: calls.logs,
    output: (agent, query = {}) => calls.output(agent, query),
    batch: (agents, command, options = {}) => calls.batch(agents, command, options),
    action: (agent, action, params = null, options = {}) => calls.action(agent, action, params, options),
    health: () => request('health', {}),
    snapshot: () => request('snapshot', {}),
    events: () => calls.events(),
    reconnect: () => {
      for (const { link } of servers) link.reconnect();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
  return client;
}

/** What is more than one request. */
class Calls {
  readonly #fleet: Fleet;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  readonly request = async <N extends OperationName>(
    name: N,
    params: ParamsOf<N>,
    options?: RequestOptions,
  ): Promise<ResultOf<N>> => {
    if (name !== 'ps' || this.#fleet.servers.length === 1) return this.#fleet.request(name, params, options);
    return (await this.agents(params as ParamsOf<'ps'>, options)) as ResultOf<N>;
  };

  readonly protocol: ProtocolClient = {
    send: async (message, options = {}) => this.#send(message, options),
    stream: (agentId) => this.#follow(agentId, (server) => followStream(server, agentId)),
  };

  lifecycle(name: 'start' | 'stop' | 'kill' | 'restart' | 'pause' | 'resume') {
    return (agent: string, options: LifecycleOptions & { mode?: PauseMode } = {}): Promise<AgentRow> => {
      const { wait, mode, ...more } = options;
      return this.request(name, { agent, ...given({ wait, mode }) }, more);
    };
  }

  /** The agents of every server. Rejects when one of them does not answer: a list that lacks some would pass for the whole. */
  async agents(params: ParamsOf<'ps'>, options?: RequestOptions): Promise<AgentRow[]> {
    const rows = await Promise.all(this.#fleet.servers.map((server) => server.request('ps', params, options)));
    return rows.flat();
  }

  async write(agent: string, data: string | Uint8Array, options: { end?: boolean } = {}): Promise<number> {
    return (await this.request('send', { agent, data, ...options })).bytes;
  }

  readonly logs = ((agent: string, query: Omit<LogsQuery, 'agent'> & { follow?: true } = {}) => {
    const { follow, ...rest } = query;
    if (follow !== true) return this.request('logs', { agent, ...rest });
    return this.#follow(agent, (server) => followLogs(server, agent, { ...rest, follow }));
  }) as {
    (agent: string, query: FollowQuery): AsyncIterableIterator<LogItem>;
    (agent: string, query?: Omit<LogsQuery, 'agent'>): Promise<LogsPage>;
  };

  async output(agent: string, { stream = 'both', ...query }: OutputQueryOptions): Promise<OutputLines> {
    const agent_id = await this.#uuidOf(agent);
    const answer = await this.#send({ type: 'output_query_request', agent_id, stream, ...query }, {});
    if (!answer.success) throw errorOf(answer);
    return { lines: answer.lines, total: answer.total_lines, hasMore: answer.has_more };
  }

  async batch(
    agents: readonly string[],
    command: ControlCommandType,
    { failFast = false, payload = null, ...options }: BatchOptions,
  ): Promise<BatchOutcome> {
    const uuids = await Promise.all(agents.map((agent) => this.#lookUp(agent)));
    const agent_ids = uuids.filter((uuid) => typeof uuid === 'string');
    const message = { type: 'batch_control_command', command_type: command, agent_ids, payload, fail_fast: failFast };
    const answer = await sendBatch(this.#fleet, message as RequestDraft<'batch_control_command'>, options);
    if (answer.results.length === 0 && answer.error !== null) throw errorOf(answer);
    return outcomeOf(agents, uuids, answer);
  }

  async action(agent: string, action: string, params: unknown, options: RequestOptions): Promise<unknown> {
    const agent_id = await this.#uuidOf(agent);
    const answer = await this.#send({ type: 'custom_action_request', agent_id, action, params }, options);
    if (!answer.success) throw errorOf(answer);
    return answer.data;
  }

  events(): AsyncIterableIterator<TreeItem> {
    return merged(this.#fleet.servers.map(followEvents));
  }

  #follow<T>(agent: string, iterate: (server: ServerLink) => AsyncIterableIterator<T>): AsyncIterableIterator<T> {
    const { servers } = this.#fleet;
    const [only] = servers;
    if (only !== undefined && servers.length === 1) return iterate(only);
    return fromLater(this.#fleet.ownerOf(agent), iterate);
  }

  async #send<D extends RequestDraft>(message: D, options: RequestOptions): Promise<AnswerTo<D['type']>> {
    if (message.type === 'batch_control_command') {
      return (await sendBatch(this.#fleet, message, options)) as AnswerTo<D['type']>;
    }
    const send = (server: ServerLink) => server.send(message, options);
    if ('agent_id' in message) return this.#fleet.withOwner(message.agent_id, send);
    return message.type === 'spawn_request' ? this.#fleet.onEmptiest(send) : send(this.#fleet.idlest());
  }

  /** Its uuid, or why there is none. */
  async #lookUp(agent: string): Promise<string | SupertreeError> {
    try {
      return await this.#uuidOf(agent);
    } catch (thrown) {
      if (thrown instanceof SupertreeError && AMISS.has(thrown.code)) return thrown;
      throw thrown;
    }
  }

  async #uuidOf(agent: string): Promise<string> {
    return isUuid(agent) ? agent : (await this.request('status', { agent })).uuid;
  }
}

const AMISS: ReadonlySet<string> = new Set(['AGENT_NOT_FOUND', 'AGENT_AMBIGUOUS']);

/** The entries that have a value. */
function given<T extends object>(entries: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

import { SupertreeError } from '../errors.js';
import { isUuid } from '../protocol/kinds.js';
import type { AgentRow, LogsPage, LogsQuery, OperationName, ParamsOf, ResultOf } from '../protocol/operations.js';
import type { ControlCommandType } from '../protocol/protocol.js';
import { type AnswerTo, errorOf } from './answers.js';
import type { BatchOptions, BatchOutcome, Client, OutputLines, OutputQueryOptions, ProtocolClient } from './api.js';
import { answerOf, commandByName, outcomeOf, sendBatch } from './batch.js';
import { type EventsOptions, followAllEvents, type TreeItem } from './events.js';
import { type FollowQuery, followLogs, type LogItem } from './logs.js';
import { fromLater } from './merge.js';
import { type Methods, methodsOf, parted } from './methods.js';
import type { RequestDraft } from './requests.js';
import type { RequestOptions, ServerLink } from './server.js';
import { ServerSet } from './server-set.js';
import { totalOf } from './statistics.js';
import { followStream } from './stream.js';
import { inTime, type RemainingTime } from './time.js';

/** A client of these servers. */
export function clientOf(servers: readonly [ServerLink, ...ServerLink[]]): Client {
  const serverSet = new ServerSet(servers);
  const calls = new Calls(serverSet);
  const { request } = calls;
  const methods = methodsOf(request);
  const each = servers.length === 1 ? [] : servers.map((server) => clientOf([server]));
  const close = async () => serverSet.close();
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
    ...plainMethods(methods),
    send: (agent, data, options) => calls.write(agent, data, options),
    stdin: (agent, data, options) => calls.write(agent, data, options),
    stdout: (agent, query) => methods.logs(agent, { ...query, stream: 'stdout' }),
    stderr: (agent, query) => methods.logs(agent, { ...query, stream: 'stderr' }),
    logs: calls.logs,
    output: (agent, query = {}) => calls.output(agent, query),
    batch: (agents, command, options = {}) => calls.batch(agents, command, options),
    action: (agent, action, params = null, options = {}) => calls.action(agent, action, params, options),
    events: (options) => calls.events(options),
    reconnect: () => {
      for (const { link } of servers) link.reconnect();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
  return client;
}

/** The client methods that are one operation each, by its declaration. */
function plainMethods(methods: Methods) {
  const {
    ps: agents,
    tree,
    status,
    spawn,
    start,
    stop,
    kill,
    restart,
    pause,
    resume,
    signal,
    resize,
    health,
    snapshot,
  } = methods;
  return { agents, tree, status, spawn, start, stop, kill, restart, pause, resume, signal, resize, health, snapshot };
}

/** The client methods that take more than one request. */
class Calls {
  readonly #serverSet: ServerSet;

  constructor(serverSet: ServerSet) {
    this.#serverSet = serverSet;
  }

  readonly request = async <N extends OperationName>(
    name: N,
    params: ParamsOf<N>,
    options?: RequestOptions,
  ): Promise<ResultOf<N>> => {
    if (name !== 'ps' || this.#serverSet.only !== null) return this.#serverSet.request(name, params, options);
    return (await this.#agents(params as ParamsOf<'ps'>, options)) as ResultOf<N>;
  };

  readonly protocol: ProtocolClient = {
    send: (message, options = {}) => inTime(message.type, options, (left) => this.#send(message, left)),
    stream: (agentId) => this.#follow(agentId, (server) => followStream(server, agentId)),
  };

  readonly #methods = methodsOf(this.request);

  async write(agent: string, data: string | Uint8Array, options: RequestOptions & { end?: boolean } = {}) {
    const { bytes } = await this.#methods.send(agent, data, options);
    return bytes;
  }

  readonly logs = ((agent: string, query: Omit<LogsQuery, 'agent'> & RequestOptions & { follow?: true } = {}) => {
    const { follow, ...rest } = query;
    if (follow !== true) return this.#methods.logs(agent, rest);
    return this.#follow(agent, (server) => followLogs(server, agent, { ...rest, follow }), rest.signal);
  }) as {
    (agent: string, query: FollowQuery): AsyncIterableIterator<LogItem>;
    (agent: string, query?: Omit<LogsQuery, 'agent'> & RequestOptions): Promise<LogsPage>;
  };

  async output(agent: string, all: OutputQueryOptions & RequestOptions): Promise<OutputLines> {
    const [{ stream = 'both', ...query }, options] = parted(all);
    const answer = await inTime('output', options, async (left) => {
      const agent_id = await this.#uuidOf(agent, left);
      return this.#send({ type: 'output_query_request', agent_id, stream, ...query }, left);
    });
    if (!answer.success) throw errorOf(answer);
    return { lines: answer.lines, total: answer.total_lines, hasMore: answer.has_more };
  }

  async batch(
    agents: readonly string[],
    command: ControlCommandType,
    { failFast = false, payload = null, ...options }: BatchOptions,
  ): Promise<BatchOutcome> {
    return inTime('batch', options, async (left) => {
      const uuids = await Promise.all(agents.map((agent) => this.#lookUp(agent, left)));
      const agent_ids = uuids.filter((uuid) => typeof uuid === 'string');
      const message = { type: 'batch_control_command', command_type: command, agent_ids, payload, fail_fast: failFast };
      const hidden = agents.filter((_, index) => isForbidden(uuids[index]));
      const [answer, ...named] = await Promise.all([
        agent_ids.length === 0 && hidden.length > 0
          ? answerOf([])
          : sendBatch(this.#serverSet, message as RequestDraft<'batch_control_command'>, left),
        ...hidden.map((agent) => commandByName(this.#serverSet, agent, message, left)),
      ]);
      if (answer.results.length === 0 && answer.error !== null && hidden.length === 0) throw errorOf(answer);
      return outcomeOf(agents, uuids, answer, named);
    });
  }

  async action(agent: string, action: string, params: unknown, options: RequestOptions): Promise<unknown> {
    const answer = await inTime('action', options, async (left) => {
      const agent_id = await this.#uuidOf(agent, left);
      return this.#send({ type: 'custom_action_request', agent_id, action, params }, left);
    });
    if (!answer.success) throw errorOf(answer);
    return answer.data;
  }

  events(options?: EventsOptions): AsyncIterableIterator<TreeItem> {
    return followAllEvents(this.#serverSet.servers, options);
  }

  #follow<T>(
    agent: string,
    iterate: (server: ServerLink) => AsyncIterableIterator<T>,
    signal?: AbortSignal,
  ): AsyncIterableIterator<T> {
    const { only, isClosed } = this.#serverSet;
    const one = only ?? (isClosed ? this.#serverSet.idlest() : null);
    if (one !== null) return iterate(one);
    return fromLater(
      this.#serverSet.ownerOf(agent, () => ({ signal })),
      iterate,
      signal,
    );
  }

  /** The agents of all servers. Rejects when one server does not answer: a partial list would look complete. */
  async #agents(params: ParamsOf<'ps'>, options?: RequestOptions): Promise<AgentRow[]> {
    const rows = await Promise.all(this.#serverSet.servers.map((server) => server.request('ps', params, options)));
    return rows.flat();
  }

  async #send<D extends RequestDraft>(message: D, left: RemainingTime): Promise<AnswerTo<D['type']>> {
    if (message.type === 'batch_control_command') {
      return (await sendBatch(this.#serverSet, message, left)) as AnswerTo<D['type']>;
    }
    const send = (server: ServerLink) => server.send(message, left());
    if ('agent_id' in message) return this.#serverSet.withOwner(message.agent_id, left, send);
    return message.type === 'spawn_request' ? this.#serverSet.onEmptiest(left, send) : send(this.#serverSet.idlest());
  }

  /** The uuid of an agent, or the error of the lookup. */
  async #lookUp(agent: string, left: RemainingTime): Promise<string | SupertreeError> {
    try {
      return await this.#uuidOf(agent, left);
    } catch (thrown) {
      if (thrown instanceof SupertreeError && LOOKUP_ERRORS.has(thrown.code)) return thrown;
      throw thrown;
    }
  }

  async #uuidOf(agent: string, left: RemainingTime): Promise<string> {
    if (isUuid(agent)) return agent;
    const { timeout, signal } = left();
    return (await this.request('status', { agent }, { timeout, signal })).uuid;
  }
}

const LOOKUP_ERRORS: ReadonlySet<string> = new Set(['AGENT_NOT_FOUND', 'AGENT_AMBIGUOUS', 'FORBIDDEN']);

function isForbidden(found: string | SupertreeError | undefined): boolean {
  return typeof found === 'object' && found.code === 'FORBIDDEN';
}

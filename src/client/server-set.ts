import { SupertreeError } from '../errors.js';
import { isUuid } from '../protocol/kinds.js';
import { OPERATIONS, type OperationName, type ParamsOf, type ResultOf } from '../protocol/operations.js';
import { activeOn, hasAgent, hasChild, isConnected, serversWith } from './lookups.js';
import type { RequestOptions, ServerLink } from './server.js';
import { inTime, type RemainingTime } from './time.js';

/** The number of agents whose server is remembered. */
const MAX_KNOWN = 10_000;

interface ChildParams {
  readonly path?: string;
  readonly id?: string;
}

/** The servers of one client, and which of them a request goes to. */
export class ServerSet {
  readonly #all: readonly ServerLink[];
  /** The server of each agent, by the name that was used for the agent. */
  readonly #owners = new Map<string, ServerLink>();
  /** The number of agents that this client is spawning on each server, which the server does not count yet. */
  readonly #spawning = new Map<ServerLink, number>();

  constructor(servers: readonly [ServerLink, ...ServerLink[]]) {
    this.#all = servers;
  }

  /** Each server once: of several endpoints of one server the first that is connected. */
  get servers(): readonly ServerLink[] {
    if (this.#all.length === 1) return this.#all;
    return this.#all.filter((server) => {
      const { serverId } = server.link;
      const same = this.#all.filter(({ link }) => serverId !== null && link.serverId === serverId);
      return same.length === 0 || server === (same.find(isConnected) ?? same[0]);
    });
  }

  get isClosed(): boolean {
    return this.#all.every(({ isClosed }) => isClosed);
  }

  /** The server, if the client has a single one; else `null`. */
  get only(): ServerLink | null {
    const { servers } = this;
    return (servers.length === 1 && servers[0]) || null;
  }

  /**
   * Sends a request to the server of the agent or the supervisor in `params`; a spawn to the server with the fewest active agents among those that
   * have its `parent`; any other request to the least busy server. Rejects SERVER_AMBIGUOUS for a change that several servers could be meant for.
   */
  async request<N extends OperationName>(
    name: N,
    params: ParamsOf<N>,
    options: RequestOptions = {},
  ): Promise<ResultOf<N>> {
    const { only } = this;
    if (only !== null) return only.request(name, params, options);
    return inTime(name, options, async (left) => {
      const send = (server: ServerLink) => server.request(name, params, left());
      const { agent, parent } = params as { agent?: string; parent?: string };
      if (agent !== undefined) return this.withOwner(agent, left, send);
      if (name === 'spawn') return this.onEmptiest(left, send, parent);
      return send(OPERATIONS[name].of === 'supervisor' ? await this.#hostOf(name, params, left) : this.idlest());
    });
  }

  /** The connected server with the fewest pending requests; any server when none is connected. */
  idlest(among: readonly ServerLink[] = this.servers): ServerLink {
    const connected = among.filter(isConnected);
    return least(connected.length === 0 ? among : connected, ({ link }) => link.load);
  }

  /** Does `spawn` on the server with the fewest active agents, including those that this client is spawning there. */
  async onEmptiest<T>(left: RemainingTime, spawn: (server: ServerLink) => Promise<T>, parent?: string): Promise<T> {
    const server = await this.#emptiest(left, parent);
    try {
      return await spawn(server);
    } finally {
      this.#count(server, -1);
    }
  }

  /** Does `work` on the server of the agent; looks the agent up once more when it has left that server. Rejects AGENT_NOT_FOUND, AGENT_AMBIGUOUS. */
  async withOwner<T>(agent: string, left: RemainingTime, work: (server: ServerLink) => Promise<T>): Promise<T> {
    const known = this.#known(agent);
    if (known === null) return work(await this.ownerOf(agent, left));
    try {
      const done = await work(known);
      // An agent of the same name may run on another server by now.
      if (this.only !== null || !isOver(done) || isUuid(agent)) return done;
    } catch (thrown) {
      const isElsewhere = thrown instanceof SupertreeError && thrown.code === 'AGENT_NOT_FOUND';
      if (!isElsewhere || this.only !== null) throw thrown;
    }
    this.#owners.delete(agent);
    return work(await this.ownerOf(agent, left));
  }

  async ownerOf(agent: string, left: RemainingTime): Promise<ServerLink> {
    const known = this.#known(agent);
    if (known !== null) return known;
    const present = await serversWith(this.servers, (server) => hasAgent(server, agent, left, false), left);
    const has = (server: ServerLink) => hasAgent(server, agent, left, true);
    const owners = present.length > 0 ? present : await serversWith(this.servers, has, left);
    const [owner] = owners;
    if (owner === undefined) throw new SupertreeError('AGENT_NOT_FOUND', { agent });
    if (owners.length > 1) {
      const paths = owners.map(({ link }) => `${agent} at ${link.endpoint}`).join(', ');
      throw new SupertreeError('AGENT_AMBIGUOUS', { agent, paths });
    }
    this.#owners.set(agent, owner);
    for (const oldest of this.#owners.keys()) {
      if (this.#owners.size <= MAX_KNOWN) break;
      this.#owners.delete(oldest);
    }
    return owner;
  }

  close(): void {
    for (const server of this.#all) server.close();
  }

  #known(agent: string): ServerLink | null {
    const { servers, only } = this;
    const owner = only ?? this.#owners.get(agent);
    return owner !== undefined && servers.includes(owner) ? owner : null;
  }

  /** The server of a supervisor or of its child. A query may go to any of several servers; a name that no server has goes to one, which rejects it. */
  async #hostOf(name: OperationName, params: unknown, left: RemainingTime): Promise<ServerLink> {
    const { path, id } = params as ChildParams;
    const hosts = await serversWith(this.servers, (server) => hasChild(server, { path, id }, left), left);
    // A change must not go to an arbitrary server.
    if (hosts.length > 1 && OPERATIONS[name].idempotency !== 'none') throw ambiguous(id ?? path ?? 'The root', hosts);
    return this.idlest(hosts.length === 0 ? this.servers : hosts);
  }

  /** Counts the spawn before it is sent: several spawns may be placed in one turn, and each must see those before it. */
  async #emptiest(left: RemainingTime, parent: string | undefined): Promise<ServerLink> {
    if (this.only !== null) return this.#counted(this.only);
    const among = parent === undefined ? this.servers : await this.#hostsOf(parent, left);
    const [first, ...more] = among.filter(isConnected);
    if (first === undefined || (parent !== undefined && more.length === 0))
      return this.#counted(first ?? this.idlest(among));
    const counts = await Promise.allSettled([first, ...more].map((server) => activeOn(server, left)));
    const answered = [first, ...more].flatMap((server, index) => {
      const count = counts[index];
      return count?.status === 'fulfilled' ? [{ server, count: count.value }] : [];
    });
    if (answered.length === 0) return this.#counted(this.idlest(among));
    return this.#counted(least(answered, ({ server, count }) => count + (this.#spawning.get(server) ?? 0)).server);
  }

  async #hostsOf(path: string, left: RemainingTime): Promise<readonly ServerLink[]> {
    const hosts = await serversWith(this.servers, (server) => hasChild(server, { path }, left), left);
    return hosts.length === 0 ? this.servers : hosts;
  }

  #counted(server: ServerLink): ServerLink {
    this.#count(server, 1);
    return server;
  }

  #count(server: ServerLink, change: number): void {
    this.#spawning.set(server, (this.#spawning.get(server) ?? 0) + change);
  }
}

function ambiguous(name: string, servers: readonly ServerLink[]): SupertreeError {
  const endpoints = servers.map(({ link }) => link.endpoint).join(', ');
  return new SupertreeError('SERVER_AMBIGUOUS', { name, endpoints });
}

function least<T>(all: readonly T[], measure: (each: T) => number): T {
  return all.reduce((best, each) => (measure(each) < measure(best) ? each : best));
}

/** True for the status of an agent that has ended and will not be restarted. */
function isOver(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && 'over' in answer && answer.over === true;
}

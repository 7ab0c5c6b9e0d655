import { SupertreeError } from '../../errors.js';
import type { OperationName, ParamsOf, ResultOf } from '../operations.js';
import { isUuid } from '../wire/kinds.js';
import type { RequestOptions, ServerLink } from './server.js';

/** How long a server may take to say how it is, or whether it has an agent, in ms. */
const LOOK_TIMEOUT = 5_000;

/** Where so many agents are is remembered. */
const MAX_KNOWN = 10_000;

/** The servers of one client, and which of them a request goes to. */
export class Fleet {
  readonly servers: readonly ServerLink[];
  /** Servers by what an agent of theirs was called. */
  readonly #owners = new Map<string, ServerLink>();
  /** Agents that are being spawned, which no server has counted yet. */
  readonly #spawning = new Map<ServerLink, number>();

  constructor(servers: readonly [ServerLink, ...ServerLink[]]) {
    this.servers = servers;
  }

  /** Goes to the server of the agent that `params` names; a spawn to the one with the fewest active agents; the rest to the least busy. */
  async request<N extends OperationName>(name: N, params: ParamsOf<N>, options?: RequestOptions): Promise<ResultOf<N>> {
    const { agent } = params as { agent?: string };
    if (agent !== undefined) return this.withOwner(agent, (server) => server.request(name, params, options));
    if (name !== 'spawn') return this.idlest().request(name, params, options);
    return this.onEmptiest((server) => server.request(name, params, options));
  }

  /** The connected server with the fewest requests under way; any one when none is connected. */
  idlest(): ServerLink {
    const connected = this.servers.filter(({ link }) => link.state === 'connected');
    return least(connected.length === 0 ? this.servers : connected, ({ link }) => link.load);
  }

  /** Does `spawn` on the server with the fewest active agents, those counted that are being spawned by this client. */
  async onEmptiest<T>(spawn: (server: ServerLink) => Promise<T>): Promise<T> {
    const server = await this.#emptiest();
    this.#count(server, 1);
    try {
      return await spawn(server);
    } finally {
      this.#count(server, -1);
    }
  }

  /** Does `work` on the server that has the agent; looks for it once more when it is there no longer. Rejects AGENT_NOT_FOUND, AGENT_AMBIGUOUS. */
  async withOwner<T>(agent: string, work: (server: ServerLink) => Promise<T>): Promise<T> {
    const known = this.#known(agent);
    if (known === null) return work(await this.ownerOf(agent));
    try {
      return await work(known);
    } catch (thrown) {
      const isElsewhere = thrown instanceof SupertreeError && thrown.code === 'AGENT_NOT_FOUND';
      if (!isElsewhere || this.servers.length === 1) throw thrown;
    }
    this.#owners.delete(agent);
    return work(await this.ownerOf(agent));
  }

  async ownerOf(agent: string): Promise<ServerLink> {
    const known = this.#known(agent);
    if (known !== null) return known;
    const looks = await Promise.allSettled(this.servers.map((server) => has(server, agent)));
    const owners = this.servers.filter((_, index) => isTrue(looks[index]));
    const [owner] = owners;
    if (owner === undefined) throw whyNone(agent, looks);
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
    for (const server of this.servers) server.close();
  }

  #known(agent: string): ServerLink | null {
    return (this.servers.length === 1 ? this.servers[0] : this.#owners.get(agent)) ?? null;
  }

  async #emptiest(): Promise<ServerLink> {
    if (this.servers.length === 1) return this.idlest();
    const counts = await Promise.allSettled(this.servers.map(activeOn));
    const answered = this.servers.flatMap((server, index) => {
      const count = counts[index];
      return count?.status === 'fulfilled' ? [{ server, count: count.value }] : [];
    });
    if (answered.length === 0) return this.idlest();
    return least(answered, ({ server, count }) => count + (this.#spawning.get(server) ?? 0)).server;
  }

  #count(server: ServerLink, change: number): void {
    this.#spawning.set(server, (this.#spawning.get(server) ?? 0) + change);
  }
}

async function activeOn(server: ServerLink): Promise<number> {
  const ask = () => server.send({ type: 'health_check_request' }, { timeout: LOOK_TIMEOUT });
  const { healthy, active_agents } = await look(server, ask);
  if (!healthy) throw new SupertreeError('UNHEALTHY', { server: server.link.endpoint });
  return active_agents ?? 0;
}

/** Asks in the way that the server understands; a foreign one knows agents by their uuids alone. */
async function has(server: ServerLink, agent: string): Promise<boolean> {
  return look(server, async () => {
    if (server.isOurs) return hasOurs(server, agent);
    if (!isUuid(agent)) return false;
    const { agents } = await server.send({ type: 'list_agents_request' }, { timeout: LOOK_TIMEOUT });
    return agents.some(({ id }) => id === agent.toLowerCase());
  });
}

async function hasOurs(server: ServerLink, agent: string): Promise<boolean> {
  try {
    await server.request('status', { agent }, { timeout: LOOK_TIMEOUT });
    return true;
  } catch (thrown) {
    if (thrown instanceof SupertreeError && thrown.code === 'AGENT_NOT_FOUND') return false;
    throw thrown;
  }
}

/** A server that is away is not waited for: the others are there. */
async function look<T>(server: ServerLink, ask: () => Promise<T>): Promise<T> {
  if (server.link.state !== 'connected') throw new SupertreeError('NO_SERVER', { endpoint: server.link.endpoint });
  return ask();
}

function isTrue(look: PromiseSettledResult<boolean> | undefined): boolean {
  return look?.status === 'fulfilled' && look.value;
}

/** When a server could not be asked, nobody knows that the agent is nowhere. */
function whyNone(agent: string, looks: readonly PromiseSettledResult<boolean>[]): unknown {
  const failed = looks.find((each) => each.status === 'rejected');
  return failed === undefined ? new SupertreeError('AGENT_NOT_FOUND', { agent }) : failed.reason;
}

function least<T>(all: readonly T[], measure: (each: T) => number): T {
  return all.reduce((best, each) => (measure(each) < measure(best) ? each : best));
}

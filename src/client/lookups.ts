import { SupertreeError } from '../errors.js';
import { isUuid } from '../protocol/kinds.js';
import type { ServerLink } from './server.js';
import { lookupOptions, type RemainingTime } from './time.js';

/** How long a server may take to answer a health or lookup request, in ms. */
const LOOK_TIMEOUT = 5_000;

/**
 * The servers that have the name. A disconnected server is waited for, as long as a request would wait, only if no connected server has the name.
 * Rejects with an error of a server that could not be asked if no other has the name: the name may exist there.
 */
export async function serversWith(
  servers: readonly ServerLink[],
  has: (server: ServerLink) => Promise<boolean>,
  left: RemainingTime,
): Promise<readonly ServerLink[]> {
  const near = servers.filter(isConnected);
  const looks = await Promise.allSettled(near.map(has));
  const found = near.filter((_, index) => isTrue(looks[index]));
  if (found.length > 0) return found;
  const far = servers.filter((server) => !near.includes(server));
  const asked = far.map(async (server) => {
    await server.send({ type: 'health_check_request' }, lookupOptions(left, Number.POSITIVE_INFINITY));
    if (await has(server)) return server;
    throw NOT_THERE;
  });
  const back = await firstOf(asked);
  if (!('reasons' in back)) return [back.value];
  const reasons = [...looks.flatMap((look) => (look.status === 'rejected' ? look.reason : [])), ...back.reasons];
  const reason: unknown = reasons.find((each) => each !== NOT_THERE);
  if (reason !== undefined) throw reason;
  return [];
}

/** Whether the server has the agent; a foreign server knows agents by uuid alone. `over`: agents that have ended count too. */
export async function hasAgent(
  server: ServerLink,
  agent: string,
  left: RemainingTime,
  over: boolean,
): Promise<boolean> {
  const options = lookupOptions(left, LOOK_TIMEOUT);
  if (server.isOurs) {
    let counts = true;
    const isThere = await knows('AGENT_NOT_FOUND', async () => {
      const row = await server.request('status', { agent }, options);
      counts = over || row.over !== true;
    });
    return isThere && counts;
  }
  if (!isUuid(agent)) return false;
  const { agents } = await server.send({ type: 'list_agents_request' }, options);
  return agents.some(({ id }) => id === agent.toLowerCase());
}

/** Whether the server has the supervisor, or with `id` that child of it. Without a path the root is meant, which every server has. */
export async function hasChild(
  server: ServerLink,
  { path, id }: { path?: string | undefined; id?: string | undefined },
  left: RemainingTime,
): Promise<boolean> {
  if (!server.isOurs) return false;
  let isThere = true;
  const knowsIt = await knows('SUPERVISOR_NOT_FOUND', async () => {
    const params = path === undefined ? {} : { path };
    const children = await server.request('which_children', params, lookupOptions(left, LOOK_TIMEOUT));
    isThere = id === undefined || children.some((child) => child.id === id);
  });
  return knowsIt && isThere;
}

/** The number of active agents on the server. */
export async function activeOn(server: ServerLink, left: RemainingTime): Promise<number> {
  const options = lookupOptions(left, LOOK_TIMEOUT);
  const { healthy, active_agents } = await server.send({ type: 'health_check_request' }, options);
  if (!healthy) throw new SupertreeError('UNHEALTHY', { server: server.link.endpoint });
  return active_agents ?? 0;
}

export function isConnected({ link }: ServerLink): boolean {
  return link.state === 'connected';
}

/** FORBIDDEN and AGENT_ABSENT prove that the server has the name. Throws other errors than those and `missing`: they prove nothing. */
async function knows(
  missing: 'AGENT_NOT_FOUND' | 'SUPERVISOR_NOT_FOUND',
  look: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await look();
    return true;
  } catch (thrown) {
    if (!(thrown instanceof SupertreeError)) throw thrown;
    if (thrown.code === missing) return false;
    if (thrown.code === 'FORBIDDEN' || thrown.code === 'AGENT_ABSENT') return true;
    throw thrown;
  }
}

const NOT_THERE = Symbol('not there');

/** The first value that is fulfilled; otherwise the reasons of all. */
async function firstOf<T>(all: readonly Promise<T>[]): Promise<{ value: T } | { reasons: readonly unknown[] }> {
  try {
    return { value: await Promise.any(all) };
  } catch (thrown) {
    return { reasons: thrown instanceof AggregateError ? thrown.errors : [thrown] };
  }
}

function isTrue(look: PromiseSettledResult<boolean> | undefined): boolean {
  return look?.status === 'fulfilled' && look.value;
}

import { setTimeout as pause } from 'node:timers/promises';
import { SupertreeError } from '../errors.js';
import type { Client } from './api.js';
import { clientOf } from './calls.js';
import { type ConnectOptions, type ConnectPlan, planOf } from './options.js';
import { ServerLink } from './server.js';

export type { AnswerTo } from './answers.js';
export type {
  BatchOptions,
  BatchOutcome,
  BatchResult,
  Client,
  LifecycleOptions,
  OutputLines,
  OutputQueryOptions,
  ProtocolClient,
} from './api.js';
export { type EventItem, type EventsOptions, type SnapshotItem, type TreeItem, TreeState } from './events.js';
export type { FollowQuery, LogItem, LogLine } from './logs.js';
export type { ConnectOptions } from './options.js';
export type { RequestDraft, RequestType } from './requests.js';
export type { RequestOptions } from './server.js';
export type { ClientStatistics, LinkState, LinkStatistics, Statistics } from './statistics.js';
export type { StreamMessage } from './stream.js';

/** The delay between attempts while no server answers, in ms; it doubles with each attempt. */
const RETRY_DELAY = { first: 100, last: 2_000 };

/**
 * Connects to a server and asks for its health, so that the client is known to work; of several servers one must answer. Rejects OPTION_INVALID;
 * ENDPOINT_INVALID; KEY_INVALID; NO_SERVER, at once when nothing listens, or after `wait`; KEY_REFUSED when the server refuses the key or has none
 * itself. A server that breaks off the handshake without a reason gives a NO_SERVER that mentions keys. ENDPOINT_FOREIGN for an ipc socket that may
 * belong to another user than `owner`, ENDPOINT_UNUSABLE for a socket that this user may not open.
 */
export async function connect(options: ConnectOptions = {}): Promise<Client> {
  const plan = planOf(options);
  const until = performance.now() + plan.wait;
  for (let delay = RETRY_DELAY.first; ; delay = Math.min(2 * delay, RETRY_DELAY.last)) {
    try {
      return await connectAll(plan);
    } catch (thrown) {
      const left = until - performance.now();
      if (left <= 0 || !(thrown instanceof SupertreeError) || thrown.code !== 'NO_SERVER') throw thrown;
      await pause(Math.min(delay, left));
    }
  }
}

async function connectAll({ links, pubEndpoint }: ConnectPlan): Promise<Client> {
  const servers = links.map((link) => new ServerLink(link, pubEndpoint));
  const failures = await Promise.all(servers.map(failureOf));
  if (failures.includes(null)) return clientOf(servers as [ServerLink, ...ServerLink[]]);
  for (const server of servers) server.close();
  throw failures.find((failure) => failure?.code !== 'NO_SERVER') ?? noServer(failures);
}

/** The error of the first attempt; `null` when the server answered. */
async function failureOf({ link }: ServerLink): Promise<SupertreeError | null> {
  try {
    await link.connected({ first: true });
    return null;
  } catch (thrown) {
    if (thrown instanceof SupertreeError) return thrown;
    throw thrown;
  }
}

/** One error for several servers, with the endpoint and the hint of each. */
function noServer(failures: readonly (SupertreeError | null)[]): SupertreeError {
  const endpoints = failures.map((failure) => failure?.details.endpoint);
  return new SupertreeError('NO_SERVER', { endpoint: endpoints.join(' or ') });
}

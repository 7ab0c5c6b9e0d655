import { SupertreeError } from '../errors.js';
import type { Client } from './client/api.js';
import { clientOf } from './client/calls.js';
import type { LinkOptions } from './client/link.js';
import type { ClientSecurity } from './client/security.js';
import { ServerLink } from './client/server.js';
import type { KeyPair } from './security/curve.js';
import { candidateEndpoints, parseEndpoint } from './wire/endpoint.js';

export type { AnswerTo } from './client/answers.js';
export type {
  BatchOptions,
  BatchOutcome,
  BatchResult,
  Client,
  LifecycleOptions,
  OutputLines,
  OutputQueryOptions,
  ProtocolClient,
} from './client/api.js';
export { type EventItem, type SnapshotItem, type TreeItem, TreeState } from './client/events.js';
export type { FollowQuery, LogItem, LogLine } from './client/logs.js';
export type { RequestDraft, RequestType } from './client/requests.js';
export type { RequestOptions } from './client/server.js';
export type { ClientStatistics, LinkState, LinkStatistics, Statistics } from './client/statistics.js';
export type { StreamMessage } from './client/stream.js';

export interface ConnectOptions {
  /**
   * One server, or several that are used together. If not given, SUPERTREE_ENDPOINT, else the first that answers of the ipc socket of this user and
   * tcp://127.0.0.1:5555.
   */
  readonly endpoint?: string | readonly string[];
  /** Where to subscribe to what the server publishes, as through a tunnel; for one server only. If not given, where the server says. */
  readonly pubEndpoint?: string;
  /** How long a server has to answer the first question of a connection, in ms. If not given, 1500. */
  readonly timeout?: number;
  /** The public key of the server, in Z85. If not given, the server has none; ipc never has. */
  readonly serverKey?: string;
  /** The key pair of this client, in Z85. It goes with `serverKey`. */
  readonly keys?: KeyPair;
  /** After a loss: how many tries in a row may fail before the client gives up. If not given, it never does. */
  readonly attempts?: number;
  /** How long a request may wait for a connection, in ms. If not given, 30000. */
  readonly patience?: number;
  /** How many requests may wait to be sent, to each server. If not given, 1000. */
  readonly queue?: number;
  /** How many requests may be in flight to one server; further ones wait to be sent. If not given, 1000. */
  readonly window?: number;
  /**
   * A server that owes answers and has been silent for so long, in ms, is asked whether it is there; after as long again the connection counts as
   * lost. If not given, 10000.
   */
  readonly idle?: number;
}

/** The server allows a peer 1024 requests in flight; a few are left for what the client itself asks. */
const DEFAULTS = {
  timeout: 1_500,
  attempts: Number.POSITIVE_INFINITY,
  patience: 30_000,
  queue: 1_000,
  window: 1_000,
  idle: 10_000,
};

/**
 * Connects to a server and asks for its health, so that what it resolves with is known to work; of several servers that are used together one must
 * answer. Rejects ENDPOINT_INVALID; NO_SERVER, at once when nobody listens; KEY_REFUSED when a server listens and the two do not agree on their
 * keys; KEY_INVALID.
 */
export async function connect(options: ConnectOptions = {}): Promise<Client> {
  const { endpoint = candidateEndpoints() } = options;
  const endpoints = typeof endpoint === 'string' ? [endpoint] : endpoint;
  const plans = endpoints.map((each) => planFor(each, options));
  const pubEndpoint = options.pubEndpoint === undefined ? null : parseEndpoint(options.pubEndpoint).text;
  if (plans.length === 0) throw new SupertreeError('ENDPOINT_INVALID', { endpoint: '[]', rule: 'none is named' });
  if (pubEndpoint !== null && plans.length > 1 && options.endpoint !== undefined) {
    throw new SupertreeError('ENDPOINT_INVALID', {
      endpoint: pubEndpoint,
      rule: 'it cannot be that of several servers',
    });
  }
  const make = (plan: LinkOptions) => new ServerLink(plan, pubEndpoint);
  return options.endpoint === undefined ? connectFirst(plans, make) : connectAll(plans, make);
}

type Make = (plan: LinkOptions) => ServerLink;

/** Tries one after another, and stays with the first that answers. */
async function connectFirst(plans: readonly LinkOptions[], make: Make): Promise<Client> {
  const failures: SupertreeError[] = [];
  for (const plan of plans) {
    const server = make(plan);
    const failure = await failureOf(server);
    if (failure === null) return clientOf([server]);
    server.close();
    if (failure.code !== 'NO_SERVER') throw failure;
    failures.push(failure);
  }
  throw noServer(failures);
}

async function connectAll(plans: readonly LinkOptions[], make: Make): Promise<Client> {
  const servers = plans.map(make);
  const failures = await Promise.all(servers.map(failureOf));
  if (failures.includes(null)) return clientOf(servers as [ServerLink, ...ServerLink[]]);
  for (const server of servers) server.close();
  throw failures.find((failure) => failure?.code !== 'NO_SERVER') ?? noServer(failures);
}

/** Why the first try failed; `null` when the server answered. */
async function failureOf({ link }: ServerLink): Promise<SupertreeError | null> {
  try {
    await link.connected({ first: true });
    return null;
  } catch (thrown) {
    if (thrown instanceof SupertreeError) return thrown;
    throw thrown;
  }
}

/** One error for several servers, with what is known about each. */
function noServer(failures: readonly (SupertreeError | null)[]): SupertreeError {
  const endpoints = failures.map((failure) => failure?.details.endpoint);
  return new SupertreeError('NO_SERVER', { endpoint: endpoints.join(' or ') });
}

function planFor(endpoint: string, options: ConnectOptions): LinkOptions {
  const { timeout, attempts, patience, queue, window, idle } = { ...DEFAULTS, ...options };
  const { text } = parseEndpoint(endpoint);
  return { endpoint: text, security: securityOf(options), timeout, attempts, patience, queue, window, idle };
}

function securityOf({ serverKey, keys }: ConnectOptions): ClientSecurity | null {
  if (serverKey !== undefined && keys !== undefined) return { serverKey, keys };
  if (serverKey === undefined && keys === undefined) return null;
  throw new SupertreeError('KEY_INVALID', { which: '`serverKey`', rule: 'must be given together with `keys`' });
}

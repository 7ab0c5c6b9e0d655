import { SupertreeError } from '../errors.js';
import { isKey, type KeyPair } from '../protocol/curve.js';
import { defaultEndpoint, parseEndpoint } from '../protocol/endpoint.js';
import type { ClientSecurity } from './security.js';
import { ownerMeant, type ServerOwner } from './socket-owner.js';

export interface ConnectOptions {
  /**
   * One server, or several that are used together. If not given, SUPERTREE_ENDPOINT, else the ipc socket of this user.
   */
  readonly endpoint?: string | readonly string[] | undefined;
  /** Where to subscribe to what the server publishes, as through a tunnel; for one server only. If not given, where the server says. */
  readonly pubEndpoint?: string | undefined;
  /**
   * Whose server is meant, as a user id: an ipc socket that this user and root alone cannot have made is refused with ENDPOINT_FOREIGN. If not
   * given, this user; for root that names an endpoint, the user in whose directory the socket lies.
   */
  readonly owner?: number | undefined;
  /** How long to go on trying while no server answers, in ms; Infinity for ever. If not given, 0: the first try decides. */
  readonly wait?: number | undefined;
  /** How long a server has to answer the first question of a connection, in ms. If not given, 1500. */
  readonly timeout?: number | undefined;
  /** The public key of the server, in Z85. If not given, the server has none; ipc never has. */
  readonly serverKey?: string | undefined;
  /** The key pair of this client, in Z85. It goes with `serverKey`. */
  readonly keys?: KeyPair | undefined;
  /** After a loss: how many tries in a row may fail before the client gives up. If not given, it never does. */
  readonly attempts?: number | undefined;
  /** How long a request may wait for a connection, in ms. If not given, 30000. */
  readonly patience?: number | undefined;
  /** While there is no connection: how many requests may wait for it, to each server. If not given, 1000. */
  readonly queue?: number | undefined;
  /** How many requests may be in flight to one server; further ones wait to be sent. If not given, 1000. */
  readonly window?: number | undefined;
  /**
   * A server that owes answers and has been silent for so long, in ms, is asked whether it is there; after as long again the connection counts as
   * lost. If not given, 10000.
   */
  readonly idle?: number | undefined;
}

/** How one server is talked to. */
export interface LinkOptions {
  readonly endpoint: string;
  readonly security: ClientSecurity | null;
  readonly owner: ServerOwner;
  /** How long a try may take until the server has answered, in ms. */
  readonly timeout: number;
  /** How many tries in a row may fail. */
  readonly attempts: number;
  /** How many requests may wait for a connection. */
  readonly queue: number;
  /** How long a request may wait for a connection, in ms. */
  readonly patience: number;
  /** How many requests may wait for their answers at once; more wait to be sent. */
  readonly window: number;
  /** A server that owes answers and is silent for so long is asked whether it is there, and then once more so long; in ms. */
  readonly idle: number;
}

/** What `connect` is to do. */
export interface ConnectPlan {
  readonly links: readonly LinkOptions[];
  readonly pubEndpoint: string | null;
  readonly wait: number;
}

interface Rule {
  readonly usual: number;
  readonly least: number;
  /** What is counted has no halves. */
  readonly whole: boolean;
}

/** The server allows a peer 1024 requests in flight; a few are left for what the client itself asks. */
const RULES = {
  wait: { usual: 0, least: 0, whole: false },
  timeout: { usual: 1_500, least: 1, whole: false },
  attempts: { usual: Number.POSITIVE_INFINITY, least: 0, whole: true },
  patience: { usual: 30_000, least: 0, whole: false },
  queue: { usual: 1_000, least: 0, whole: true },
  window: { usual: 1_000, least: 1, whole: true },
  idle: { usual: 10_000, least: 1, whole: false },
} as const satisfies Record<string, Rule>;

/** Checks the options, and fills in what is not given. Throws OPTION_INVALID, ENDPOINT_INVALID, KEY_INVALID. */
export function planOf(options: ConnectOptions): ConnectPlan {
  const { endpoint, pubEndpoint = null } = options;
  const numbers = {
    timeout: numberOf(options, 'timeout'),
    attempts: numberOf(options, 'attempts'),
    queue: numberOf(options, 'queue'),
    patience: numberOf(options, 'patience'),
    window: numberOf(options, 'window'),
    idle: numberOf(options, 'idle'),
  };
  const security = securityOf(options);
  const standard = defaultEndpoint();
  const endpoints = endpoint === undefined ? [standard.text] : endpointsOf(endpoint);
  const owner = ownerMeant(ownerOf(options), endpoint !== undefined || standard.isNamed);
  if (pubEndpoint !== null && endpoints.length > 1) {
    throw new SupertreeError('ENDPOINT_INVALID', {
      endpoint: pubEndpoint,
      rule: 'it cannot be that of several servers',
    });
  }
  return {
    links: endpoints.map((each) => ({ endpoint: parseEndpoint(each).text, security, owner, ...numbers })),
    pubEndpoint: pubEndpoint === null ? null : parseEndpoint(textOf('pubEndpoint', pubEndpoint)).text,
    wait: numberOf(options, 'wait'),
  };
}

function numberOf(options: ConnectOptions, option: keyof typeof RULES): number {
  const { usual, least, whole } = RULES[option];
  const given: unknown = options[option] ?? usual;
  const isRight = typeof given === 'number' && given >= least;
  if (isRight && (!whole || given === Number.POSITIVE_INFINITY || Number.isInteger(given))) return given;
  const rule = `must be ${whole ? 'an integer' : 'a number'} from ${least}, or Infinity`;
  throw new SupertreeError('OPTION_INVALID', { option, rule, got: shown(given) });
}

function ownerOf({ owner }: ConnectOptions): number | undefined {
  if (owner === undefined || (Number.isInteger(owner) && owner >= 0)) return owner;
  throw new SupertreeError('OPTION_INVALID', { option: 'owner', rule: 'must be a user id', got: shown(owner) });
}

function endpointsOf(endpoint: unknown): readonly string[] {
  const given: readonly unknown[] = Array.isArray(endpoint) ? endpoint : [endpoint];
  if (given.length === 0) throw new SupertreeError('ENDPOINT_INVALID', { endpoint: '[]', rule: 'none is named' });
  return given.map((each) => textOf('endpoint', each));
}

function textOf(option: string, given: unknown): string {
  if (typeof given === 'string') return given;
  throw new SupertreeError('OPTION_INVALID', { option, rule: 'must be text', got: shown(given) });
}

function securityOf({ serverKey, keys }: ConnectOptions): ClientSecurity | null {
  if (serverKey === undefined && keys === undefined) return null;
  if (serverKey === undefined || keys === undefined) {
    throw new SupertreeError('KEY_INVALID', { which: '`serverKey`', rule: 'must be given together with `keys`' });
  }
  checkKey('`serverKey`', serverKey);
  checkKey('`keys.publicKey`', keys.publicKey);
  checkKey('`keys.secretKey`', keys.secretKey);
  return { serverKey, keys };
}

/** Never shows what it was given: it may be a secret. */
function checkKey(which: string, key: unknown): void {
  if (typeof key === 'string' && isKey(key)) return;
  const isPadded = typeof key === 'string' && isKey(key.trim());
  const rule = `must be 40 characters of Z85${isPadded ? ', without the white space around them' : ''}`;
  throw new SupertreeError('KEY_INVALID', { which, rule });
}

function shown(given: unknown): string {
  return typeof given === 'string' ? JSON.stringify(given) : String(given);
}

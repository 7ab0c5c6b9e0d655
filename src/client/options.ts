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
  /** An endpoint to subscribe at, such as a tunnel; for a single server only. If not given, the endpoint that the server names. */
  readonly pubEndpoint?: string | undefined;
  /**
   * The user id that the server must run as: an ipc socket that another user than this one and root could have made is refused with
   * ENDPOINT_FOREIGN. If not given, this user; for root with a given endpoint, the user in whose directory the socket lies.
   */
  readonly owner?: number | undefined;
  /** How long to retry while no server answers, in ms; may be Infinity. If not given, 0: the first attempt decides. */
  readonly wait?: number | undefined;
  /** How long a server may take to answer the first request of a connection, in ms. If not given, 5000. */
  readonly timeout?: number | undefined;
  /** The public key of the server, in Z85. If not given, the server has none; ipc never has. */
  readonly serverKey?: string | undefined;
  /** The key pair of this client, in Z85. It goes with `serverKey`. */
  readonly keys?: KeyPair | undefined;
  /** After a lost connection: how many attempts in a row may fail before the client gives up. If not given, any number. */
  readonly attempts?: number | undefined;
  /** How long a request may wait for a connection, in ms. If not given, 30000. */
  readonly patience?: number | undefined;
  /** How many requests may wait for a connection to each server. If not given, 1000. */
  readonly queue?: number | undefined;
  /** How many requests may be in flight to one server; further ones are queued. If not given, 1000. */
  readonly window?: number | undefined;
  /**
   * A server with pending requests that sends nothing for so long, in ms, is probed; after as long again the connection counts as lost. If not
   * given, 10000.
   */
  readonly idle?: number | undefined;
}

/** How to connect to one server. */
export interface LinkOptions {
  readonly endpoint: string;
  readonly security: ClientSecurity | null;
  readonly owner: ServerOwner;
  /** How long an attempt may take until the server has answered, in ms. */
  readonly timeout: number;
  /** How many attempts in a row may fail. */
  readonly attempts: number;
  /** How many requests may wait for a connection. */
  readonly queue: number;
  /** How long a request may wait for a connection, in ms. */
  readonly patience: number;
  /** How many requests may be in flight at once; further ones are queued. */
  readonly window: number;
  /** A server with pending requests that sends nothing for so long, in ms, is probed; after as long again the connection counts as lost. */
  readonly idle: number;
}

/** The checked options of `connect`. */
export interface ConnectPlan {
  readonly links: readonly LinkOptions[];
  readonly pubEndpoint: string | null;
  readonly wait: number;
}

interface Rule {
  readonly usual: number;
  readonly least: number;
  /** True for a number that must be an integer. */
  readonly whole: boolean;
}

/** The server allows a peer 1024 requests in flight; the rest is for the client's own requests. */
const RULES = {
  wait: { usual: 0, least: 0, whole: false },
  timeout: { usual: 5_000, least: 1, whole: false },
  attempts: { usual: Number.POSITIVE_INFINITY, least: 0, whole: true },
  patience: { usual: 30_000, least: 0, whole: false },
  queue: { usual: 1_000, least: 0, whole: true },
  window: { usual: 1_000, least: 1, whole: true },
  idle: { usual: 10_000, least: 1, whole: false },
} as const satisfies Record<string, Rule>;

/** Checks the options and fills in defaults. Throws OPTION_INVALID, ENDPOINT_INVALID, KEY_INVALID. */
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
      rule: 'cannot be used with several servers',
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

/** Never shows the value: it may be a secret. */
function checkKey(which: string, key: unknown): void {
  if (typeof key === 'string' && isKey(key)) return;
  const isPadded = typeof key === 'string' && isKey(key.trim());
  const rule = `must be 40 characters of Z85${isPadded ? ', without the white space around them' : ''}`;
  throw new SupertreeError('KEY_INVALID', { which, rule });
}

function shown(given: unknown): string {
  return typeof given === 'string' ? JSON.stringify(given) : String(given);
}

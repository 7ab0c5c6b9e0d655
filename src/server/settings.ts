import * as v from 'valibot';
import type { Limits } from '../control/limits.js';
import { asSupertreeError } from '../errors.js';
import { DRIVER_NAMES, type DriverName } from '../model/driver-name.js';
import type { Problem } from '../model/problem.js';
import { parseEndpoint } from '../protocol/endpoint.js';
import { camelKeys, problemOf, tableRule } from './table.js';

/** The `[server]` table of a tree file. Keys may be written in camelCase or with underscores; unknown keys are errors. */
export interface ServerSettings {
  /** The endpoints for requests, `ipc://PATH` or `tcp://HOST:PORT`; a single one may be `endpoint`. If not given, the ipc socket of this user. */
  readonly endpoints?: readonly string[];
  /**
   * The endpoints that output, states and events are published at; an empty list for none, a single one may be `pub_endpoint`. If not given, one beside
   * each endpoint: NAME-pub.sock, or the next port.
   */
  readonly pubEndpoints?: readonly string[];
  /** The most agents; a further one is refused with AGENT_LIMIT. If not given, 1000. */
  readonly maxAgents?: number;
  /** The limits for one peer. If not given, the defaults. */
  readonly limits?: Partial<Limits>;
  /** The range that ports for agents are leased from: `count` of them, from `base` on. If not given, up to 10000 from 8100 on. */
  readonly ports?: { readonly base?: number; readonly count?: number };
  /** The driver that runs the commands, `keeper` or `local` (docs/drivers.md). If not given, `keeper` where it can run, else `local`. */
  readonly driver?: DriverName;
  /**
   * A state directory, relative to the file: when the server is killed, its agents run on, and the next server with this directory takes them over. If not
   * given, the agents end with the server.
   */
  readonly state?: string;
}

const text = v.string('must be a string');
const endpoint = v.pipe(
  text,
  v.check(
    (given) => endpointRule(given) === null,
    ({ input }) => `is not an endpoint: ${endpointRule(input)}`,
  ),
);
const count = v.pipe(
  v.number('must be an integer from 1'),
  v.integer('must be an integer from 1'),
  v.minValue(1, 'must be an integer from 1'),
);
const port = v.pipe(count, v.maxValue(65_535, 'must be at most 65535'));

const SETTINGS = v.strictObject(
  {
    endpoint: v.exactOptional(endpoint),
    endpoints: v.exactOptional(
      v.pipe(v.array(endpoint, 'must be a list of strings'), v.minLength(1, 'must name an endpoint')),
    ),
    pubEndpoint: v.exactOptional(endpoint),
    pubEndpoints: v.exactOptional(v.array(endpoint, 'must be a list of strings')),
    limits: v.exactOptional(
      v.strictObject(
        {
          inFlight: v.exactOptional(count),
          inFlightBytes: v.exactOptional(count),
          rate: v.exactOptional(count),
          burst: v.exactOptional(count),
          idempotencyKeys: v.exactOptional(count),
        },
        tableRule('must be a table'),
      ),
    ),
    driver: v.exactOptional(v.picklist(DRIVER_NAMES, `must be one of ${DRIVER_NAMES.join(', ')}`)),
    state: v.exactOptional(v.pipe(text, v.minLength(1, 'must not be empty'))),
    maxAgents: v.exactOptional(count),
    ports: v.exactOptional(
      v.strictObject({ base: v.exactOptional(port), count: v.exactOptional(port) }, tableRule('must be a table')),
    ),
  },
  tableRule('must be a table'),
);

/** The settings, and all problems in them. */
export function readSettings(given: unknown): {
  readonly settings: ServerSettings;
  readonly problems: readonly Problem[];
} {
  if (given === undefined) return { settings: {}, problems: [] };
  const result = v.safeParse(SETTINGS, camelKeys(given));
  if (!result.success)
    return { settings: {}, problems: result.issues.map((issue) => problemOf(issue, 'server', 'server')) };
  const { endpoint, endpoints, pubEndpoint, pubEndpoints, ...rest } = result.output;
  const one = oneOrMany('endpoint', endpoint, endpoints);
  const pub = oneOrMany('pubEndpoint', pubEndpoint, pubEndpoints);
  const settings = {
    ...rest,
    ...(one.list && { endpoints: one.list }),
    ...(pub.list && { pubEndpoints: pub.list }),
  };
  return { settings, problems: [...one.problems, ...pub.problems] };
}

/** Why a text is not an endpoint; `null` when it is one. */
function endpointRule(given: string): string | null {
  try {
    parseEndpoint(given);
    return null;
  } catch (thrown) {
    return String(asSupertreeError(thrown).details.rule);
  }
}

/** A setting that may be written as a single value or as a list. */
function oneOrMany(
  name: string,
  one: string | undefined,
  many: readonly string[] | undefined,
): { readonly list: readonly string[] | undefined; readonly problems: readonly Problem[] } {
  if (one === undefined) return { list: many, problems: [] };
  const twice = { path: `server.${name}`, rule: `must not be given beside ${name}s`, got: one };
  return { list: [one], problems: many === undefined ? [] : [twice] };
}

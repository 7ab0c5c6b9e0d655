import { randomUUID } from 'node:crypto';
import type { InspectionEvent } from 'xstate';
import type { Tree, TreeEnd } from '../contract/view.js';
import { type Audit, nonThrowing } from '../control/access/audit.js';
import type { Actions } from '../control/actions.js';
import { answer } from '../control/answer.js';
import { type Control, createControl } from '../control/control.js';
import type { DriverName } from '../model/driver-name.js';
import type { SupervisorInput } from '../model/input.js';
import { ConnectionLimit } from '../transport/connection-limit.js';
import { NO_SECURITY, openSecurity, type SocketSecurity } from '../transport/socket-security.js';
import { Transport } from '../transport/transport.js';
import { planSpawn } from './backend.js';
import {
  bindOne,
  checkEndpoints,
  defaultEndpoints,
  pubEndpointsBeside,
  refuseOpenToUsers,
  refuseTwice,
} from './binding.js';
import { rootOf, type ServerConfig } from './config.js';
import { openKeyring } from './keys.js';
import { connectionShare } from './open-files.js';
import { requireSocketThreads } from './process-limit.js';
import { RefusedConnections } from './refused-connections.js';
import { withServerDefaults } from './supervisor-defaults.js';
import { VERSION } from './version.js';

/** The server's part of the options of its tree. */
export interface ServerTreeOptions {
  /** Agents get it as SUPERTREE_ENDPOINT. */
  readonly endpoint: string;
  readonly ports?: { readonly base?: number; readonly count?: number };
  /** Runs the commands. */
  readonly driver?: DriverName;
}

export interface ServerOptions {
  readonly config: ServerConfig;
  readonly createTree: (input: SupervisorInput, options: ServerTreeOptions) => Tree;
  /** Called with errors that belong to no caller. */
  readonly failed: (thrown: unknown) => void;
  /** Called for every command and every refused connection. May throw: `failed` is then called. If not given, nothing is audited. */
  readonly audit?: Audit;
  /** Binds tcp endpoints that other machines can reach, and as root any tcp endpoint, without keys. If not given, they are refused. */
  readonly insecure?: boolean;
  /** Actions of `custom_action` besides the built-in ones. If not given, none. */
  readonly actions?: Actions;
  /** Receives XState's inspection events of the transport. May throw: the error is ignored. If not given, nothing is inspected. */
  readonly inspect?: (event: InspectionEvent) => void;
}

/** A tree with its endpoints. The tree is not started yet. */
export interface Server {
  readonly tree: Tree;
  readonly serverId: string;
  /** The bound endpoints, with port 0 replaced by the real port. */
  readonly endpoints: readonly string[];
  /** The bound endpoints that output, states and events are published at; empty for none. */
  readonly pubEndpoints: readonly string[];
  /** Stops the tree, answering requests until it is down, then closes the endpoints. With `brutal`, kills agents, also in a stop that is under way. */
  stop(options?: { brutal?: boolean }): Promise<TreeEnd>;
}

/** The default of `maxAgents`. */
const DEFAULT_MAX_AGENTS = 1000;

/**
 * Binds the endpoints and serves the tree there. Nothing is started when an endpoint cannot be bound. Rejects ENDPOINT_IN_USE, ENDPOINT_INVALID,
 * ENDPOINT_UNUSABLE, ENDPOINT_EXPOSED, KEY_FILE, KEY_INVALID, PROCESS_LIMIT.
 */
export async function createServer(given: ServerOptions): Promise<Server> {
  const options = { ...given, ...(given.audit && { audit: nonThrowing(given.audit, given.failed) }) };
  const { settings } = options.config;
  const exposed = options.insecure === true || options.config.security !== undefined;
  const wanted = checkEndpoints(settings.endpoints ?? defaultEndpoints(), exposed);
  const published = checkEndpoints(settings.pubEndpoints ?? pubEndpointsBeside(wanted), exposed);
  if (!exposed) refuseOpenToUsers([...wanted, ...published]);
  refuseTwice([...wanted, ...published]);
  requireSocketThreads();
  const security = await securityOf(options);
  const transport = new Transport({
    endpoints: wanted.map(({ text }) => text),
    pubEndpoints: published.map(({ text }) => text),
    bindOne,
    failed: options.failed,
    security,
    connections: new ConnectionLimit(connectionShare()),
    ...(settings.limits && { limits: settings.limits }),
    ...(options.inspect && { inspect: options.inspect }),
  });
  await transport.open();
  try {
    return offer(options, transport);
  } catch (thrown) {
    await transport.close();
    throw thrown;
  }
}

async function securityOf({ config, audit, failed }: ServerOptions): Promise<SocketSecurity> {
  const { security } = config;
  if (security === undefined) return NO_SECURITY;
  const refused = new RefusedConnections(({ name, domain, address, publicKey, reason }, repeated) => {
    const about = { request: '', verb: `connect to ${domain}: ${reason}`, path: null, child: null };
    const from = { ...(address !== null && { address }), ...(publicKey !== null && { publicKey }) };
    const more = repeated > 0 ? { repeated } : {};
    audit?.({ key: name ?? 'unknown', ...about, outcome: 'refused', code: 'KEY_REFUSED', ...from, ...more });
  });
  const keyring = await openKeyring(security, rootOf(config));
  const opened = await openSecurity(keyring, (refusal) => refused.note(refusal), failed);
  const close = async () => {
    await opened.close();
    refused.flush();
  };
  return { ...opened, close };
}

function offer({ config, createTree, failed, audit, actions }: ServerOptions, transport: Transport): Server {
  const { endpoints, pubEndpoints, topics } = transport;
  const serverId = `server-${randomUUID()}`;
  const tree = createTree(config.tree, treeOptionsOf(config, endpoints));
  const maxAgents = config.settings.maxAgents ?? DEFAULT_MAX_AGENTS;
  const control = createControl({
    tree,
    serverId,
    version: VERSION,
    endpoints: () => endpoints,
    pubEndpoints,
    topics,
    maxAgents,
    plan: planSpawn,
    withDefaults: withServerDefaults,
    failed,
    ...(audit !== undefined && { audit }),
    ...(actions !== undefined && { actions }),
    ...(config.settings.limits && { limits: config.settings.limits }),
  });
  transport.serve((payload, interim, context) => answer(control, payload, interim, context));
  return { tree, serverId, endpoints, pubEndpoints, stop: stopper(tree, control, transport) };
}

function treeOptionsOf({ settings }: ServerConfig, endpoints: readonly string[]): ServerTreeOptions {
  const endpoint = endpoints[0] ?? '';
  const { ports, driver } = settings;
  return { endpoint, ...(ports !== undefined && { ports }), ...(driver !== undefined && { driver }) };
}

function stopper(tree: Tree, control: Control, transport: Transport): Server['stop'] {
  let closing: Promise<TreeEnd> | undefined;
  return ({ brutal = false } = {}) => {
    const down = tree.stop({ brutal });
    closing ??= drain(down, control, transport);
    return closing;
  };
}

async function drain(down: Promise<TreeEnd>, control: Control, transport: Transport): Promise<TreeEnd> {
  transport.drain();
  const end = await down;
  control.close();
  await transport.close();
  return end;
}

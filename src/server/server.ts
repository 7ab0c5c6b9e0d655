import { randomUUID } from 'node:crypto';
import type { InspectionEvent } from 'xstate';
import type { Tree, TreeEnd } from '../contract/view.js';
import { type Audit, nonThrowing } from '../control/access/audit.js';
import type { Actions } from '../control/actions.js';
import { answer } from '../control/answer.js';
import { type Control, createControl } from '../control/control.js';
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
import { RefusedConnections } from './refused-connections.js';
import { withServerDefaults } from './supervisor-defaults.js';
import { VERSION } from './version.js';

/** What a server wants of a tree that it makes. */
export interface TreeWishes {
  /** Told to agents as SUPERTREE_ENDPOINT. */
  readonly endpoint: string;
  readonly ports?: { readonly base?: number; readonly count?: number };
}

export interface ServerOptions {
  readonly config: ServerConfig;
  readonly createTree: (input: SupervisorInput, wishes: TreeWishes) => Tree;
  /** Told what went wrong where no caller could be told. */
  readonly failed: (thrown: unknown) => void;
  /** Told of every command, and of connections that were not let in. May throw: `failed` is told. If not given, nobody is. */
  readonly audit?: Audit;
  /** Binds tcp endpoints that other machines can reach, and as root any, without keys. If not given, they are refused. */
  readonly insecure?: boolean;
  /** What `custom_action` can do beyond the built-in actions. If not given, nothing. */
  readonly actions?: Actions;
  /** Receives XState's inspection events of the transport. It may throw: the server is not harmed. If not given, nothing is inspected. */
  readonly inspect?: (event: InspectionEvent) => void;
}

/** A tree with its endpoints. The tree is not started yet. */
export interface Server {
  readonly tree: Tree;
  readonly serverId: string;
  /** As they are, wildcard ports replaced. */
  readonly endpoints: readonly string[];
  /** Where output, states and events are published, as they are; empty for nowhere. */
  readonly pubEndpoints: readonly string[];
  /** Stops the tree, answering until it is down, then lets go of the endpoints. `brutal` makes a stop that is under way hurry. */
  stop(options?: { brutal?: boolean }): Promise<TreeEnd>;
}

/** How many agents a server may have unless it is told. */
const DEFAULT_MAX_AGENTS = 1000;

/**
 * Binds the endpoints and offers the tree there. Nothing is started when an endpoint cannot be had. Rejects ENDPOINT_IN_USE,
 * ENDPOINT_INVALID, ENDPOINT_UNUSABLE, ENDPOINT_EXPOSED, KEY_FILE, KEY_INVALID.
 */
export async function createServer(given: ServerOptions): Promise<Server> {
  const options = { ...given, audit: nonThrowing(given.audit ?? (() => {}), given.failed) };
  const { settings } = options.config;
  const exposed = options.insecure === true || options.config.security !== undefined;
  const wanted = checkEndpoints(settings.endpoints ?? defaultEndpoints(), exposed);
  const published = checkEndpoints(settings.pubEndpoints ?? pubEndpointsBeside(wanted), exposed);
  if (!exposed) refuseOpenToUsers([...wanted, ...published]);
  refuseTwice([...wanted, ...published]);
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
  const tree = createTree(config.tree, wishesOf(config, endpoints));
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

function wishesOf({ settings }: ServerConfig, endpoints: readonly string[]): TreeWishes {
  const endpoint = endpoints[0] ?? '';
  return settings.ports === undefined ? { endpoint } : { endpoint, ports: settings.ports };
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

import { randomUUID } from 'node:crypto';
import type { Tree, TreeEnd } from '../actors/view.js';
import type { SupervisorInput } from '../model/input.js';
import { createPublisher, type Publisher } from '../transport/publisher.js';
import { answer } from '../transport/requests.js';
import { createRequestRouter, type RequestRouter } from '../transport/router.js';
import { createService, type Service } from '../transport/service.js';
import { planSpawn } from './backend.js';
import { type Binding, bindAll, checkEndpoints, defaultEndpoints } from './binding.js';
import type { ServerConfig } from './config.js';
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
}

/** A tree with its endpoints. The tree is not started yet. */
export interface Server {
  readonly tree: Tree;
  readonly serverId: string;
  /** As they are, wildcard ports replaced. */
  readonly endpoints: readonly string[];
  /** Where output and states are published; `null` for nowhere. */
  readonly pubEndpoint: string | null;
  /** Stops the tree, answering until it is down, then lets go of the endpoints. `brutal` makes a stop that is under way hurry. */
  stop(options?: { brutal?: boolean }): Promise<TreeEnd>;
}

/** How many agents a server may have unless it is told. */
export const DEFAULT_MAX_AGENTS = 1000;

/**
 * Binds the endpoints and offers the tree there. Nothing is started when an endpoint cannot be had. Rejects ENDPOINT_IN_USE,
 * ENDPOINT_INVALID, ENDPOINT_EXPOSED.
 */
export async function createServer(options: ServerOptions): Promise<Server> {
  const { settings } = options.config;
  const wanted = checkEndpoints(settings.endpoints ?? defaultEndpoints());
  const published = checkEndpoints(settings.pubEndpoint === undefined ? [] : [settings.pubEndpoint]);
  // Requests may come as soon as the first endpoint is bound; they wait until there is a tree.
  let begin: (service: Service) => void = () => {};
  const ready = new Promise<Service>((resolve) => {
    begin = resolve;
  });
  const router = createRequestRouter({
    handle: async (payload, interim) => answer(await ready, payload, interim),
    failed: options.failed,
  });
  const publisher = createPublisher(options.failed);
  const sockets: Sockets = { router, publisher, bindings: [], pubEndpoint: null };
  try {
    sockets.bindings.push(...(await bindAll(router, wanted)));
    const endpoints = sockets.bindings.map((binding) => binding.endpoint);
    const [pub] = await bindAll(publisher, published);
    if (pub !== undefined) sockets.bindings.push(pub);
    sockets.pubEndpoint = pub?.endpoint ?? null;
    const { service, ...server } = offer(options, sockets, endpoints);
    begin(service);
    return server;
  } catch (thrown) {
    await letGo(sockets);
    throw thrown;
  }
}

interface Sockets {
  readonly router: RequestRouter;
  readonly publisher: Publisher;
  readonly bindings: Binding[];
  pubEndpoint: string | null;
}

function offer(
  { config, createTree, failed }: ServerOptions,
  sockets: Sockets,
  endpoints: readonly string[],
): Server & { readonly service: Service } {
  const { pubEndpoint } = sockets;
  const serverId = `server-${randomUUID()}`;
  const tree = createTree(config.tree, wishesOf(config, endpoints));
  const maxAgents = config.settings.maxAgents ?? DEFAULT_MAX_AGENTS;
  const service = createService({
    tree,
    serverId,
    version: VERSION,
    endpoints: () => endpoints,
    pubEndpoint,
    maxAgents,
    plan: planSpawn,
    failed,
  });
  if (pubEndpoint !== null) sockets.publisher.follow(tree);
  return { tree, serverId, endpoints, pubEndpoint, service, stop: stopper(tree, service, sockets) };
}

async function letGo({ router, publisher, bindings }: Sockets): Promise<void> {
  // zeromq.js does one bind or unbind of a socket at a time.
  for (const binding of bindings) await binding.release();
  await Promise.all([router.close(), publisher.close()]);
}

function wishesOf({ settings }: ServerConfig, endpoints: readonly string[]): TreeWishes {
  const endpoint = endpoints[0] ?? '';
  return settings.ports === undefined ? { endpoint } : { endpoint, ports: settings.ports };
}

function stopper(tree: Tree, service: Service, sockets: Sockets): Server['stop'] {
  let closing: Promise<TreeEnd> | undefined;
  return ({ brutal = false } = {}) => {
    const down = tree.stop({ brutal });
    closing ??= down.then(async (end) => {
      service.close();
      await letGo(sockets);
      return end;
    });
    return closing;
  };
}

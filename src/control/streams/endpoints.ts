import { isIP, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type Endpoint, isLoopback, parseEndpoint } from '../../protocol/endpoint.js';

/** One address of this machine. */
export interface HostAddress {
  readonly address: string;
  readonly internal: boolean;
}

/**
 * The pub endpoints that a client can reach which sent its request to `asked`, the likeliest first:
 * - by ipc: it is on this machine, so the ipc endpoints, then the tcp ones;
 * - by tcp on the loopback: the tcp ones. It may come through a tunnel, so the ipc ones come last;
 * - by tcp from elsewhere: the tcp ones that are not on the loopback. A wildcard host is replaced by the host that the request came to; when that is a
 *   wildcard too, the interface is unknown, so each address of the machine is used.
 */
export function pubEndpointsFor(
  bound: readonly string[],
  asked: string,
  addresses: readonly HostAddress[] = machineAddresses(),
): readonly string[] {
  const endpoints = bound.map(parseEndpoint);
  const ipc = endpoints.filter(({ kind }) => kind === 'ipc').map(({ text }) => text);
  const tcp = endpoints.filter((each): each is TcpEndpoint => each.kind === 'tcp');
  const came = asked.startsWith('tcp://') ? (parseEndpoint(asked) as TcpEndpoint) : null;
  if (came === null) return [...ipc, ...tcp.flatMap((each) => withHosts(each, [LOOPBACK]))];
  if (isLoopback(came)) return [...tcp.flatMap((each) => withHosts(each, [came.host])), ...ipc];
  const hosts = isWildcard(came.host) ? outside(addresses) : [came.host];
  return tcp.filter((each) => !isLoopback(each)).flatMap((each) => withHosts(each, hosts));
}

type TcpEndpoint = Extract<Endpoint, { kind: 'tcp' }>;

const LOOPBACK = '127.0.0.1';

/** The endpoint, or for a wildcard host one endpoint for each of the hosts. */
function withHosts({ text, host, port }: TcpEndpoint, hosts: readonly string[]): string[] {
  if (!isWildcard(host)) return [text];
  return hosts.map((each) => `tcp://${isIPv6(each) ? `[${each}]` : each}:${port}`);
}

function isWildcard(host: string): boolean {
  return host === '*' || host === '0.0.0.0' || host === '::';
}

/** IPv4 first: every peer supports it. Addresses with a scope (fe80::) are only valid on this machine. */
function outside(addresses: readonly HostAddress[]): string[] {
  const usable = addresses.filter(({ address, internal }) => !internal && !/^fe80:/i.test(address));
  return usable.map(({ address }) => address).sort((a, b) => isIP(a) - isIP(b));
}

function machineAddresses(): HostAddress[] {
  return Object.values(networkInterfaces()).flatMap((each) => each ?? []);
}

import { isLoopback, parseEndpoint } from '../protocol/endpoint.js';

/** Warnings for the operator of a server without keys: for each tcp endpoint, the users or machines that can use it without a key, and the remedy. ipc sockets need none. */
export function openDoors(endpoints: readonly string[], pubEndpoints: readonly string[]): readonly string[] {
  return DOORS.flatMap(({ is, who, instead }) => {
    const [commands, reports] = [endpoints.filter(is).join(', '), pubEndpoints.filter(is).join(', ')];
    const may = [
      ...(commands === '' ? [] : [`do everything at ${commands}, also run programs as this user`]),
      ...(reports === '' ? [] : [`read what is published at ${reports}`]),
    ];
    if (may.length === 0) return [];
    return [`${who} may ${may.join(', and ')}; give the server keys (--keys, see docs/security.md), or ${instead}`];
  });
}

const isTcp = (endpoint: string) => endpoint.startsWith('tcp://');
const isLocal = (endpoint: string) => isLoopback(parseEndpoint(endpoint));

const DOORS = [
  {
    is: (endpoint: string) => isTcp(endpoint) && !isLocal(endpoint),
    who: 'anybody who reaches this machine',
    instead: 'bind 127.0.0.1 or an ipc socket',
  },
  {
    is: (endpoint: string) => isTcp(endpoint) && isLocal(endpoint),
    who: 'every user of this machine',
    instead: 'listen on ipc sockets alone (--endpoint ipc:///PATH)',
  },
] as const;

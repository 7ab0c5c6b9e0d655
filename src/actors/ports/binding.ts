import { createServer } from 'node:net';

/** The result of an attempt to bind a port: `null` when it is free, else the system's error code. */
export type BindResult = string | null;

/**
 * Makes a function that tells whether a port is free on every address of this machine. It binds `::` for IPv6 and IPv4 together, which on Linux fails
 * when a socket listens on the port at any local address, 127.0.0.1 and ::1 included (ip(7), ipv6(7)); without IPv6 it binds 0.0.0.0. The socket is
 * closed again when it resolves. Never rejects. At most `CONCURRENT` ports are tried at a time, others are queued.
 */
export function createBinder(): (port: number) => Promise<BindResult> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (port) => {
    if (running >= CONCURRENT) await new Promise<void>((resolve) => void waiting.push(resolve));
    else running++;
    try {
      return await tryPort(port);
    } finally {
      // The next one in the queue gets the slot, or it becomes free.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}

async function tryPort(port: number): Promise<BindResult> {
  const result = await bind(port, '::');
  return result !== null && NO_IPV6.has(result) ? bind(port, '0.0.0.0') : result;
}

function bind(port: number, host: string): Promise<BindResult> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host, exclusive: true, backlog: 1 }, () => server.close(() => resolve(null)));
  });
}

const CONCURRENT = 16;
const NO_IPV6: ReadonlySet<string> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL']);

import { setTimeout as sleep } from 'node:timers/promises';
import type { Router, XPublisher } from 'zeromq';
import { bindTo } from './bind.js';
import type { ConnectionLimit } from './connection-limit.js';

/** The time between two attempts, in ms. */
const ATTEMPT_EVERY = 500;

interface Surroundings {
  readonly connections: ConnectionLimit;
  /** Called with the reason of a failed attempt, unless it is that of the attempt before. */
  readonly failed: (thrown: unknown) => void;
}

/**
 * Binds a new socket to the endpoint of a closed one. The endpoint may be in use, or no descriptor may be free: it is tried again until it succeeds.
 * Resolves with the bound socket, or with `null` when `signal` was aborted before. Never rejects.
 */
export async function bindAgain<S extends Router | XPublisher>(
  { connections, failed }: Surroundings,
  endpoint: string,
  create: () => S,
  signal: AbortSignal,
): Promise<S | null> {
  for (let reported = ''; !signal.aborted; ) {
    let socket: S | undefined;
    try {
      socket = create();
      await bindTo(socket, endpoint);
      return socket;
    } catch (thrown) {
      if (socket !== undefined) connections.forget(socket);
      socket?.close();
      if (String(thrown) !== reported) failed(thrown);
      reported = String(thrown);
    }
    await sleep(ATTEMPT_EVERY, undefined, { signal }).catch(() => undefined);
  }
  return null;
}

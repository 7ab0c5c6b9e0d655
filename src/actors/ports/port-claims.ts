import { createServer, type Server } from 'node:net';
import { MAX_TIMER } from '../../contract/clock.js';

/** The ports that one tree claims on this machine. */
export interface PortClaims {
  /**
   * Resolves with `null` when the port is claimed by this tree, now or still; else with an error code of the system: EADDRINUSE
   * when another tree claims it. Never rejects.
   */
  claim(port: number): Promise<string | null>;
  /** Ends the claim `rest` ms from now; 0 ends it at once. It does not keep the program alive until then. */
  release(port: number, rest: number): void;
}

interface Claim {
  readonly server: Server;
  /** Runs while the claim is about to end. */
  timer: NodeJS.Timeout | undefined;
}

/**
 * A port that is leased and not listened on yet looks free to everybody who tries to bind it. So that no other tree leases it,
 * be it in this program or in another one, each leased port is claimed by an abstract socket of a name that they all know
 * (unix(7)). Such a name belongs to one network namespace as ports do, is given to one socket only, and vanishes with its process however
 * that ends.
 */
export function createPortClaims(): PortClaims {
  const claims = new Map<number, Claim>();
  return {
    async claim(port) {
      const known = claims.get(port);
      if (known !== undefined) {
        clearTimeout(known.timer);
        return null;
      }
      const server = createServer((socket) => socket.destroy());
      const problem = await listen(server, `\0supertree-port-${port}`);
      if (problem === null) claims.set(port, { server, timer: undefined });
      return problem;
    },
    release(port, rest) {
      const claim = claims.get(port);
      if (claim === undefined) return;
      const end = (): void => {
        claims.delete(port);
        claim.server.close();
      };
      clearTimeout(claim.timer);
      if (rest <= 0) end();
      else claim.timer = setTimeout(end, Math.min(rest, MAX_TIMER)).unref();
    },
  };
}

/** `exclusive`, lest a worker of node:cluster shares the socket with the others. */
function listen(server: Server, path: string): Promise<string | null> {
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ path, exclusive: true, backlog: 1 }, () => resolve(null));
    server.unref();
  });
}

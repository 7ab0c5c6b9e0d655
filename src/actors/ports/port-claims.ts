import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { MAX_TIMER } from '../../contract/clock.js';
import { networkNamespace } from '../../drivers/proc/system.js';
import { messageOf, SupertreeError } from '../../errors.js';
import { privateDirectory } from '../locks/private-directory.js';
import { lockHolder, OUT_OF_RESOURCES, type SocketLock, sweepLocks, takeLock } from '../locks/socket-lock.js';

/**
 * The result of a claim. `null`: this tree has the port. `claimed`: another tree of this user has it. `hinted`: an abstract socket indicates that a tree of
 * another user has it; any user can make such a socket.
 */
export type ClaimResult = null | 'claimed' | 'hinted';

/** The claims of one tree on ports of this machine. */
export interface PortClaims {
  /**
   * Claims a port, or keeps the present claim of this tree. With `heedsHints` false, hints of other users are ignored. Rejects DIRECTORY_UNUSABLE
   * when the directory of claims is not safe, INTERNAL when this program has no descriptor or memory left.
   */
  claim(port: number, heedsHints: boolean): Promise<ClaimResult>;
  /** Ends the claim after `rest` ms; 0 ends it at once. The timer does not keep the program alive. */
  release(port: number, rest: number): void;
}

interface Claim {
  readonly lock: SocketLock;
  readonly hint: Server;
  /** The timer that ends the claim; `undefined` before `release`. */
  timer: NodeJS.Timeout | undefined;
}

/**
 * A leased port on which the agent does not listen yet can still be bound, so another tree, in this program or in another one, would lease it as well.
 * Therefore each leased port is claimed twice:
 * - by a lock in the private directory of the user. Other users cannot take that lock, and the lock of a dead program blocks no other tree. Its name contains
 *   the network namespace, because each namespace has its own ports;
 * - by an abstract socket, which the trees of all users see. Any user can take any such name, so it is only a hint.
 */
export function createPortClaims(env: NodeJS.ProcessEnv = process.env): PortClaims {
  const claims = new Map<number, Claim>();
  const prefix = `port-${networkNamespace()}-`;
  let isSwept = false;
  return {
    async claim(port, heedsHints) {
      const known = claims.get(port);
      if (known !== undefined) {
        clearTimeout(known.timer);
        return null;
      }
      const directory = privateDirectory(env);
      const path = join(directory, `${prefix}${port}`);
      const outcome = await claimBoth(path, `\0supertree-port-${port}`, heedsHints).catch((thrown) => {
        throw unusable(directory, thrown);
      });
      if (typeof outcome === 'string') return outcome;
      claims.set(port, { ...outcome, timer: undefined });
      if (!isSwept) void sweepLocks(directory, prefix).catch(ignore);
      isSwept = true;
      return null;
    },
    release(port, rest) {
      const claim = claims.get(port);
      if (claim === undefined) return;
      const end = (): void => {
        claims.delete(port);
        claim.lock.release();
        claim.hint.close(ignore);
      };
      clearTimeout(claim.timer);
      if (rest <= 0) end();
      else claim.timer = setTimeout(end, Math.min(rest, MAX_TIMER)).unref();
    },
  };
}

/**
 * Takes the abstract socket first. Where hints count and the socket is taken already, the lock is not taken: otherwise this tree would hold the lock for a
 * moment, and another tree of this user would see a claim that is about to be given up.
 */
async function claimBoth(
  path: string,
  name: string,
  heedsHints: boolean,
): Promise<Omit<Claim, 'timer'> | Exclude<ClaimResult, null>> {
  const hint = createServer((socket) => socket.destroy());
  if (!(await listen(hint, name)) && heedsHints) return (await lockHolder(path)) === null ? 'hinted' : 'claimed';
  const lock = await takeLock(path).catch((thrown) => {
    hint.close(ignore);
    throw thrown;
  });
  if (!('socket' in lock)) return { lock, hint };
  hint.close(ignore);
  return 'claimed';
}

function unusable(directory: string, thrown: unknown): SupertreeError {
  const problem = messageOf(thrown);
  return OUT_OF_RESOURCES.has((thrown as NodeJS.ErrnoException).code ?? '')
    ? new SupertreeError('INTERNAL', { problem: `no port can be claimed: ${problem}` }, thrown)
    : new SupertreeError('DIRECTORY_UNUSABLE', { directory, problem }, thrown);
}

/**
 * False when the name is taken. Any other error counts as success: among the trees of this user the lock alone is enough. `exclusive`, because workers of
 * node:cluster would share the socket otherwise.
 */
function listen(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    server.on('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'EADDRINUSE'));
    server.listen({ path, exclusive: true, backlog: 1 }, () => resolve(true));
    server.unref();
  });
}

/** For two harmless errors: a failed sweep, which the next tree repeats, and the close of a hint that never listened. */
function ignore(): void {}

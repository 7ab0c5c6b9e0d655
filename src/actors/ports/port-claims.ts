import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { MAX_TIMER } from '../../contract/clock.js';
import { networkNamespace } from '../../drivers/proc/system.js';
import { messageOf, SupertreeError } from '../../errors.js';
import { privateDirectory } from '../locks/private-directory.js';
import { lockHolder, type SocketLock, sweepLocks, takeLock } from '../locks/socket-lock.js';

/**
 * What became of a claim: `null` when this tree has it; `claimed` when another tree of this user has the port; `hinted` when something says that a tree of
 * another user has it, which anybody can say.
 */
export type ClaimResult = null | 'claimed' | 'hinted';

/** The ports that one tree claims on this machine. */
export interface PortClaims {
  /**
   * Claims a port, or keeps the claim that this tree has. With `heedsHints` false it is claimed whatever another user says. Rejects DIRECTORY_UNUSABLE
   * when the directory of claims is not safe, INTERNAL when this program has no descriptor left.
   */
  claim(port: number, heedsHints: boolean): Promise<ClaimResult>;
  /** Ends the claim `rest` ms from now; 0 ends it at once. It does not keep the program alive until then. */
  release(port: number, rest: number): void;
}

interface Claim {
  readonly lock: SocketLock;
  readonly hint: Server;
  /** Runs while the claim is about to end. */
  timer: NodeJS.Timeout | undefined;
}

/**
 * A port that is leased and not listened on yet looks free to everybody who tries to bind it. So that no other tree leases it, be it in this program or in
 * another one, each leased port is claimed twice:
 * - by a lock in the private directory of the user. Nobody else can take it, and that of a dead program is in nobody's way. Its name has the network
 *   namespace, since a port belongs to one;
 * - by an abstract socket, which the trees of all users see. Any user can take any such name, so it is a hint and no more.
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
 * The name is taken first, and the lock only with it where hints are heeded: so no tree ever has a lock for a moment that it does not want, which another
 * tree would take for a claim.
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
  return NO_DESCRIPTORS.has((thrown as NodeJS.ErrnoException).code ?? '')
    ? new SupertreeError('INTERNAL', { problem: `no port can be claimed: ${problem}` }, thrown)
    : new SupertreeError('DIRECTORY_UNUSABLE', { directory, problem }, thrown);
}

/**
 * False only when the name is taken: without a hint the claim is as good among the trees of this user. `exclusive`, lest a worker of node:cluster shares
 * the socket with the others.
 */
function listen(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    server.on('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'EADDRINUSE'));
    server.listen({ path, exclusive: true, backlog: 1 }, () => resolve(true));
    server.unref();
  });
}

/** What is left behind is tried again by the next one; a hint that never listened is closed already. */
function ignore(): void {}

const NO_DESCRIPTORS: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE']);

import type { KeeperConnection } from './connection.js';
import type { RunningKeeper } from './running-keeper.js';
import { within } from './within.js';

/**
 * Goes on with a keeper whose connection was lost, for this `problem`. Resolves with false when it has ended, or has not answered for a minute: then its connection is
 * given up.
 */
export async function reconnect(
  connection: KeeperConnection,
  process: RunningKeeper,
  problem: string,
): Promise<boolean> {
  for (const until = performance.now() + PATIENCE; performance.now() < until; ) {
    const hasEnded = (await process.endedWithin(PERIOD)) !== null;
    if (hasEnded) connection.giveUp(problem);
    if (hasEnded) return false;
    if (await within(until - performance.now(), connection.reconnect(), false)) return true;
  }
  connection.giveUp(`${problem}, and it has not answered for ${PATIENCE} ms`);
  return false;
}

/** How long a keeper may take to answer after its connection was lost, and the time between two attempts, in ms. */
const PATIENCE = 60_000;
const PERIOD = 20;

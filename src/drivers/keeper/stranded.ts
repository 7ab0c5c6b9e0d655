import type { Clock } from '../../contract/clock.js';
import { send } from '../local/signals.js';
import { readStat } from '../proc/proc.js';
import { type Identity, strandedMembers } from './membership.js';

/**
 * Kills what is left of incarnations whose keeper has ended, and resolves when nothing is: a process may fork between the listing and the signal, so the
 * last two listings must be empty.
 */
export async function endStranded(identities: readonly Identity[], clock: Clock): Promise<void> {
  let delay = FIRST_LOOK;
  for (let empty = 0; empty < 2; ) {
    empty = killAll(identities) ? empty + 1 : 0;
    await new Promise<void>((resolve) => clock.setTimeout(() => resolve(), delay));
    delay = Math.min(delay * 2, LONGEST_LOOK);
  }
}

/** True when none was found. */
function killAll(identities: readonly Identity[]): boolean {
  const found = strandedMembers(identities);
  for (const { pid, startTicks } of found) if (readStat(pid)?.startTicks === startTicks) send(pid, 'SIGKILL');
  return found.length === 0;
}

/** The delays between listings, in ms. */
const FIRST_LOOK = 2;
const LONGEST_LOOK = 250;

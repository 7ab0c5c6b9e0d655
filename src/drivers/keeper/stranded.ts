import type { Clock } from '../../contract/clock.js';
import { send } from '../local/signals.js';
import { type ProcStat, readStat } from '../proc/proc.js';
import { type Identity, strandedMembers } from './membership.js';

/**
 * Kills what is left of incarnations whose keeper has ended, and calls `ended` for each of which nothing is: a process may fork between the listing and the
 * signal, so its last two listings must be empty. An incarnation that cannot be killed, because it belongs to another user, delays no other.
 */
export async function endStranded(
  identities: readonly Identity[],
  clock: Clock,
  ended: (identity: Identity) => void,
): Promise<void> {
  const empty = new Map(identities.map((identity) => [identity, 0]));
  for (let delay = FIRST_LOOK; empty.size > 0; delay = Math.min(delay * 2, LONGEST_LOOK)) {
    const members = strandedMembers([...empty.keys()]);
    for (const [identity, count] of empty) {
      const found = members.get(identity) ?? [];
      killAll(found);
      empty.set(identity, found.length > 0 ? 0 : count + 1);
      if (found.length === 0 && count === 1 && empty.delete(identity)) ended(identity);
    }
    await new Promise<void>((resolve) => clock.setTimeout(() => resolve(), delay));
  }
}

function killAll(processes: readonly ProcStat[]): void {
  for (const { pid, startTicks } of processes) if (readStat(pid)?.startTicks === startTicks) send(pid, 'SIGKILL');
}

/** The delays between listings, in ms. */
const FIRST_LOOK = 2;
const LONGEST_LOOK = 250;

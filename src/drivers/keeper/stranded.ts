import type { Clock } from '../../contract/clock.js';
import { send } from '../local/signals.js';
import { environValue, isDefunct, listPids, type ProcStat, readStat } from '../proc/proc.js';
import { ancestorsOf, type Identity, isKeeper, strandedMembers } from './membership.js';

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

/** What is left of agents whose tokens begin with the prefix, as identities: by token, and by the sessions of their main processes. */
export function identitiesWith(prefix: string): Identity[] {
  const mains = new Map<string, Identity['main']>();
  for (const pid of listPids() ?? []) {
    const token = environValue(pid, 'SUPERTREE_TOKEN');
    const stat = token?.startsWith(prefix) ? readStat(pid) : undefined;
    if (token == null || stat === undefined || isDefunct(stat)) continue;
    const main = stat.session === pid ? { pid, startTicks: stat.startTicks } : null;
    mains.set(token, main ?? mains.get(token) ?? null);
  }
  return [...mains].map(([token, main]) => ({ token, main, brand: null }));
}

/**
 * The keeper of agents whose tokens begin with the prefix; `undefined` when none lives. A keeper within one of the agents has such a token itself, and one above
 * this program is the keeper of another tree. `except`: the pids of keepers that do not count.
 */
export function keeperOfTokens(prefix: string, except: ReadonlySet<number>): number | undefined {
  const isMarked = (pid: number) => environValue(pid, 'SUPERTREE_TOKEN')?.startsWith(prefix) === true;
  const known = new Set([...ancestorsOf(process.pid), ...except]);
  for (const pid of listPids() ?? []) {
    if (!isMarked(pid)) continue;
    for (let stat = readStat(pid); stat !== undefined && !known.has(stat.pid); stat = readStat(stat.parent))
      if (isKeeper(stat) && !isMarked(stat.pid)) return stat.pid;
  }
  return undefined;
}

function killAll(processes: readonly ProcStat[]): void {
  for (const { pid, startTicks } of processes) if (readStat(pid)?.startTicks === startTicks) send(pid, 'SIGKILL');
}

/** The delays between listings, in ms. */
const FIRST_LOOK = 2;
const LONGEST_LOOK = 250;

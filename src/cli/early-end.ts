import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../client/client.js';
import { SupertreeError } from '../errors.js';
import { describeExit } from '../model/reason.js';
import type { AgentRow } from '../protocol/operations.js';

/** When a ready agent is checked again, in ms after the previous check. A program that cannot run has usually ended by then. */
const CHECK_DELAYS = [30, 70, 150];

/** The number of its last lines that the error repeats. */
const LAST_LINES = 3;

/**
 * Without a readiness check an agent is ready as soon as it runs, even if it ends a moment later. So this checks again for a quarter of a second.
 * Resolves with the row of an agent that still runs, or that completed and is not restarted; rejects ENDED_AT_ONCE for any other end.
 */
export async function checkStaysUp(client: Client, row: AgentRow, signal?: AbortSignal): Promise<AgentRow> {
  let last = row;
  for (const delay of CHECK_DELAYS) {
    if (hasEnded(last, row.incarnation)) break;
    await sleep(delay, undefined, { signal });
    last = await currentRow(client, last, signal);
  }
  if (hasEnded(last, row.incarnation) && last.state !== 'completed') throw endedAtOnce(last);
  return last;
}

/** The present row of the agent; the known one if it cannot be read, as with a key without `observe`. */
async function currentRow(client: Client, known: AgentRow, signal: AbortSignal | undefined): Promise<AgentRow> {
  try {
    return await client.request('status', { agent: known.uuid }, { signal });
  } catch (thrown) {
    if (thrown instanceof SupertreeError) return known;
    throw thrown;
  }
}

/** True once this incarnation or a later one has an unexpected exit. */
function hasEnded({ exit }: AgentRow, incarnation: number): boolean {
  return exit !== null && exit.incarnation >= incarnation && !exit.commanded;
}

function endedAtOnce({ path, exit, restart, state, retryIn }: AgentRow): SupertreeError {
  const again = state !== 'failed' || retryIn !== null;
  const next = restart !== 'temporary' && again ? 'its supervisor starts it again' : 'it is not started again';
  const after = exit === null ? 0 : Math.max(0, exit.exitedAt - exit.startedAt);
  return new SupertreeError('ENDED_AT_ONCE', { agent: path, after, reason: reasonOf(exit), next });
}

function reasonOf(exit: AgentRow['exit']): string {
  if (exit === null) return 'unknown';
  const tail = exit.tail.slice(-LAST_LINES).map((line) => JSON.stringify(line));
  return tail.length === 0 ? describeExit(exit) : `${describeExit(exit)}, its last lines: ${tail.join(' ')}`;
}

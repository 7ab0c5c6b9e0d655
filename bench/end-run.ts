import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * The environment variable that all processes of a run have: the measuring process gets it, and children inherit it. Agents of supertree inherit no
 * variable whose name begins with SUPERTREE_.
 */
export const RUN = 'BENCH_RUN';

const PAUSE = 50;
const LIMIT = 20_000;

/**
 * Kills every process of the run but this one, also those in sessions of their own and those whose parent has ended, and resolves when none is
 * left. A supervisor may start an agent while the processes are listed, and a process in the middle of execve(2) shows no environment: none is
 * left when two listings in a row show none. Throws when some are left after 20 s.
 */
export async function endRun(run: string): Promise<void> {
  const deadline = performance.now() + LIMIT;
  for (let empty = 0; empty < 2; ) {
    const pids = processesOf(run);
    if (pids.length > 0 && performance.now() > deadline) throw new Error(`processes of ${run} do not end: ${pids}`);
    for (const pid of pids) kill(pid);
    empty = pids.length === 0 ? empty + 1 : 0;
    await sleep(PAUSE);
  }
}

/** The living processes of the run, without this one. */
export function processesOf(run: string): number[] {
  const pids = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid);
  return pids.filter((pid) => environmentOf(pid).includes(`${RUN}=${run}`));
}

/** Empty for a process that has ended, a zombie, or a process of another user. */
function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

import { closeSync, existsSync, openSync, read } from 'node:fs';
import { promisify } from 'node:util';

/*
 * Reads /proc/PID/smaps_rollup (proc_pid_smaps_rollup(5)). The kernel walks all pages of the process at the read, and waits for the lock of its address space:
 * so it is read on one of libuv's threads. To open and to close it waits for nothing, and takes less time than a turn of such a thread.
 */

const readFile = promisify(read);

/** The number of files read at once: one less than libuv has threads, so that the program always has one for its own files. */
const AT_ONCE = 3;

/** A process may hold the lock for as long as a file system does not answer. A read that takes longer is not waited for, in ms. */
const PATIENCE = 2_000;

/** The figure is in the third line. */
const ENOUGH = 512;

/** The files whose read was not waited for, and has not returned yet. Each keeps a thread. */
const overdue = new Set<string>();

/**
 * The proportional set size (PSS) of each process, in bytes: its pages, each divided by the number of processes that have it mapped. A process that has ended
 * has 0. Left out is a process that may not be read, one that is not read within two seconds, and any of a kernel without these files. Never rejects.
 *
 * @param proc The directory of processes. If not given, /proc.
 */
export async function readPss(pids: readonly number[], proc = '/proc'): Promise<Map<number, number>> {
  const sizes = new Map<number, number>();
  const rest = pids.values();
  const readRest = async () => {
    for (const pid of rest) {
      const path = `${proc}/${pid}/smaps_rollup`;
      if (overdue.has(path)) continue;
      const size = await inTime(path, sizeOf(path, proc));
      // The thread is still in use: the others read the rest.
      if (overdue.has(path)) return;
      if (size !== undefined) sizes.set(pid, size);
    }
  };
  const free = Math.max(0, AT_ONCE - overdue.size);
  await Promise.all(Array.from({ length: Math.min(free, pids.length) }, readRest));
  return sizes;
}

/** `undefined` when it takes too long; then the file is overdue until its read returns. */
async function inTime(path: string, reading: Promise<number | undefined>): Promise<number | undefined> {
  let isDone = false;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    const giveUp = () => {
      if (!isDone) overdue.add(path);
      resolve(undefined);
    };
    // After a stop of the program the timer fires before the results of its threads are seen, in the same turn.
    timer = setTimeout(() => setImmediate(giveUp), PATIENCE);
  });
  const done = reading.finally(() => {
    isDone = true;
    clearTimeout(timer);
    overdue.delete(path);
  });
  return Promise.race([done, late]);
}

/** Never rejects. */
async function sizeOf(path: string, proc: string): Promise<number | undefined> {
  try {
    return await pssOf(path);
  } catch (problem) {
    return sizeInstead(problem, proc);
  }
}

/** An empty file is that of a process without an address space: it has ended, and its parent has not waited for it. */
async function pssOf(path: string): Promise<number | undefined> {
  const fd = openSync(path, 'r');
  try {
    const { bytesRead, buffer } = await readFile(fd, Buffer.allocUnsafe(ENOUGH), 0, ENOUGH, null);
    if (bytesRead === 0) return 0;
    const kilobytes = /^Pss:\s+(\d+) kB/m.exec(buffer.toString('latin1', 0, bytesRead))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } finally {
    closeSync(fd);
  }
}

/** ESRCH: it has ended. ENOENT: it has ended and its parent has waited for it, or the kernel has no such files at all. */
function sizeInstead(problem: unknown, proc: string): number | undefined {
  const code = problem instanceof Error && 'code' in problem ? problem.code : undefined;
  const hasEnded = code === 'ESRCH' || (code === 'ENOENT' && existsSync(`${proc}/self/smaps_rollup`));
  return hasEnded ? 0 : undefined;
}

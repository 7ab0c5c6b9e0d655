import { close, existsSync, open, read } from 'node:fs';
import { promisify } from 'node:util';

/*
 * Reads /proc/PID/smaps_rollup (proc_pid_smaps_rollup(5)). The kernel walks all pages of the process for it and waits for the lock of its address space, so it
 * is read on libuv's threads, not on the thread of the event loop.
 */

const openFile = promisify(open);
const readFile = promisify(read);
const closeFile = promisify(close);

/** The number of files read at once: as many as libuv has threads, so that a file operation of the program waits for one file at most. */
const AT_ONCE = 4;

/** The figure is in the third line. */
const ENOUGH = 512;

/**
 * The proportional set size (PSS) of each process, in bytes: its pages, each divided by the number of processes that have it mapped. A process that has ended
 * has 0. A process that may not be read, or any of a kernel without these files, is left out. Never rejects.
 *
 * @param proc The directory of processes. If not given, /proc.
 */
export async function readPss(pids: readonly number[], proc = '/proc'): Promise<Map<number, number>> {
  const sizes = new Map<number, number>();
  const rest = pids.values();
  const readRest = async () => {
    for (const pid of rest) {
      const size = await pssOf(`${proc}/${pid}/smaps_rollup`).catch((problem) => sizeInstead(problem, proc));
      if (size !== undefined) sizes.set(pid, size);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, pids.length) }, readRest));
  return sizes;
}

/** An empty file is that of a process without an address space: it has ended, and its parent has not waited for it. */
async function pssOf(path: string): Promise<number | undefined> {
  const fd = await openFile(path, 'r');
  try {
    const { bytesRead, buffer } = await readFile(fd, Buffer.allocUnsafe(ENOUGH), 0, ENOUGH, null);
    if (bytesRead === 0) return 0;
    const kilobytes = /^Pss:\s+(\d+) kB/m.exec(buffer.toString('latin1', 0, bytesRead))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } finally {
    await closeFile(fd);
  }
}

/** ESRCH: it has ended. ENOENT: it has ended and its parent has waited for it, or the kernel has no such files at all. */
function sizeInstead(problem: unknown, proc: string): number | undefined {
  const code = problem instanceof Error && 'code' in problem ? problem.code : undefined;
  const hasEnded = code === 'ESRCH' || (code === 'ENOENT' && existsSync(`${proc}/self/smaps_rollup`));
  return hasEnded ? 0 : undefined;
}

import pidusage from 'pidusage';
import type { ProcessTimes, ReadProcesses } from '../../drivers/driver.js';
import { childTimeOf } from '../../drivers/proc/proc.js';

/*
 * pidusage keeps /proc/PID/stat of each process open between calls and closes it this long after the last one. Its clear() drops the descriptors without
 * closing them, so it is never called. While an old descriptor is open, a new process with the same pid cannot be read, and each read keeps it open.
 */
export const DESCRIPTOR_AGE = 3_000;

/**
 * Reads through pidusage, all in one call; its own cpu figure is not used: it is 0 at first, and noise at short intervals. pidusage does not say the times of
 * ended children. They are read before: so a child that ends meanwhile is missing once, and its parent has its time at the next reading. Read afterwards, its
 * time would be in both.
 */
export const readProcesses: ReadProcesses = async (pids) => {
  const childTimes = new Map(pids.map((pid) => [pid, childTimeOf(pid) ?? 0]));
  const stats = await pidusage([...pids], { usePs: false, maxage: DESCRIPTOR_AGE }).catch(onlyOneVanished);
  const times = new Map<number, ProcessTimes>();
  for (const stat of Object.values(stats)) if (stat) times.set(stat.pid, timesOf(stat, childTimes));
  return times;
};

function timesOf(stat: pidusage.Status, childTimes: ReadonlyMap<number, number>): ProcessTimes {
  const { pid, ppid: parent, ctime, elapsed, memory } = stat;
  return { parent, ctime, childTime: childTimes.get(pid) ?? 0, elapsed, memory };
}

/** pidusage leaves vanished processes out of its result, but rejects when the only requested one has vanished. */
function onlyOneVanished(problem: unknown): Record<string, pidusage.Status> {
  const code = problem instanceof Error && 'code' in problem ? problem.code : undefined;
  if (code === 'ENOENT' || code === 'ESRCH') return {};
  throw problem;
}

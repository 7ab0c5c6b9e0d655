import { closeSync, constants, openSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { withDescriptor } from '../proc/spare-descriptor.js';

/**
 * Finds out whether the kernel's out-of-memory killer ended a process. The counter of a cgroup does not name the process, so the kernel log is read: `Killed
 * process PID (name)`. When the log cannot be read, or has pids of another namespace, the answer is false: it is never a guess.
 */
export class OomDetector {
  #kills = killsSinceBoot();
  #recent = new Set<number>();
  /** The time of the youngest record that was read. */
  #lastRecordAt = 0;

  /** To be called after a SIGKILL that this process did not send. Costs one small read if the kernel has killed nothing since the last call. */
  killed(pid: number): boolean {
    const kills = killsSinceBoot();
    if (kills === null || kills === this.#kills) return this.#recent.delete(pid);
    this.#kills = kills;
    this.#recent = isFirstNamespace() ? this.#newVictims(readKernelLog()) : new Set();
    return this.#recent.delete(pid);
  }

  #newVictims(log: string): Set<number> {
    const victims = victimsIn(log, this.#lastRecordAt);
    this.#lastRecordAt = victims.at(-1)?.at ?? this.#lastRecordAt;
    return new Set(victims.map((victim) => victim.pid));
  }
}

/** The victims in records of /dev/kmsg (`priority,sequence,microseconds,flags;text`) that are younger than `after`, oldest first. */
export function victimsIn(log: string, after: number): { pid: number; at: number }[] {
  return log.split('\n').flatMap((record) => {
    const [, at, pid] = /^\d+,\d+,(\d+),[^;]*;.*Killed process (\d+) \(/.exec(record) ?? [];
    return pid !== undefined && Number(at) > after ? [{ pid: Number(pid), at: Number(at) }] : [];
  });
}

/** `null` when the counter cannot be read. */
function killsSinceBoot(): number | null {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(withDescriptor(() => readFileSync('/proc/vmstat', 'utf8')))?.[1] ?? 0);
  } catch {
    return null; // a restricted /proc, or no descriptor is left
  }
}

/** The inode of the first pid namespace is fixed: PROC_PID_INIT_INO of the kernel. */
function isFirstNamespace(): boolean {
  try {
    return readlinkSync('/proc/self/ns/pid') === 'pid:[4026531836]';
  } catch {
    return false;
  }
}

function readKernelLog(): string {
  try {
    return withDescriptor(readRecords);
  } catch {
    return ''; // EPERM: it is not for us
  }
}

function readRecords(): string {
  const fd = openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK);
  const record = Buffer.alloc(8192);
  let log = '';
  try {
    for (;;) log += record.toString('utf8', 0, readSync(fd, record, 0, record.length, null));
  } catch {
    return log; // EAGAIN is the end of the log
  } finally {
    closeSync(fd);
  }
}

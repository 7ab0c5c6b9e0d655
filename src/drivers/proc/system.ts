import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { listPids, readStat } from './proc.js';
import { withDescriptor } from './spare-descriptor.js';

/** The first and the last port that the kernel gives to outgoing connections (ip(7), ip_local_port_range); `null` when it cannot be read. */
export function ephemeralPorts(): readonly [first: number, last: number] | null {
  const [first, last] = readText('/proc/sys/net/ipv4/ip_local_port_range').trim().split(/\s+/).map(Number);
  return first !== undefined && last !== undefined && first > 0 && last >= first ? [first, last] : null;
}

/** The resource limits of this process as proc_pid_limits(5) prints them; empty when they cannot be read. */
export function ownLimits(): string {
  return readText('/proc/self/limits');
}

/** The option hidepid that /proc is mounted with, see proc(5); `null` where all users see all processes. */
export function hiddenProcesses(mounts: string = readText('/proc/self/mountinfo')): string | null {
  const mount = mounts.split('\n').findLast((line) => line.split(' ')[4] === '/proc');
  const option = /\bhidepid=(\w+)/.exec(mount ?? '')?.[1];
  return option === undefined || option === '0' || option === 'off' ? null : option;
}

/** The threads of all processes of a user. */
export function ownedThreads(user: number): number {
  const own = (listPids() ?? []).filter((pid) => statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid === user);
  return own.reduce((sum, pid) => sum + (readStat(pid)?.threads ?? 0), 0);
}

/** The number of the network namespace of this program (namespaces(7)): ports are unique in one. 0 when it cannot be read. */
export function networkNamespace(): number {
  try {
    return Number(/\d+/.exec(readlinkSync('/proc/self/ns/net'))?.[0] ?? 0);
  } catch {
    return 0;
  }
}

/** The uid of a process's owner; `null` when there is no such process. */
export function ownerOf(pid: number | string): Promise<number | null> {
  return stat(`/proc/${pid}`).then(
    ({ uid }) => uid,
    () => null,
  );
}

function readText(file: string): string {
  try {
    return withDescriptor(() => readFileSync(file, 'utf8'));
  } catch {
    return '';
  }
}

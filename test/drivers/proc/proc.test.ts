import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { victimsIn } from '../../../src/drivers/local/oom.js';
import {
  childrenOf,
  childrenOfMainThread,
  commandLine,
  environValue,
  fileLockLimit,
  forksSinceBoot,
  hasOtherChildren,
  isDefunct,
  lastPid,
  listPids,
  parseStat,
  pidMax,
  readStat,
} from '../../../src/drivers/proc/proc.js';
import { listensOn, unixSocketsOf } from '../../../src/drivers/proc/sockets.js';
import { eventually } from '../../contract/recorder.js';

const NOBODY = 2 ** 30;

describe('reading /proc', () => {
  it('reads this process', () => {
    const stat = readStat('self');
    expect(stat).toMatchObject({ pid: process.pid, parent: process.ppid });
    expect(stat!.startTicks).toBeGreaterThan(0);
    expect(listPids()).toContain(process.pid);
    expect(commandLine(stat!)).not.toBe('');
  });

  it('parses a name with spaces and parentheses', () => {
    const fields = '42 (a) S (b) R 1 42 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 3 0 991 100 200';
    expect(parseStat(fields)).toEqual({
      pid: 42,
      name: 'a) S (b',
      state: 'R',
      parent: 1,
      group: 42,
      session: 7,
      threads: 3,
      startTicks: 991,
    });
    expect(parseStat('garbage')).toBeUndefined();
  });

  it('answers nothing for a process that is not there', () => {
    expect(readStat(NOBODY)).toBeUndefined();
    expect(childrenOf(NOBODY)).toEqual([]);
    expect(environValue(NOBODY, 'PATH')).toBeUndefined();
  });

  it('reads the environment by whole names', async () => {
    const env = { XNAME: 'wrong', NAME: 'right', EMPTY: '' };
    const child = spawn('/bin/sleep', ['300'], { stdio: 'ignore', env });
    expect(environValue(child.pid!, 'NAME')).toBe('right');
    expect(environValue(child.pid!, 'EMPTY')).toBe('');
    expect(environValue(child.pid!, 'AME')).toBeNull();
    child.kill('SIGKILL');
  });

  it('lists children, also more of them than one page of the kernel holds', async () => {
    // They wait without a program of their own, which would take ten times as long to start.
    const script = 'exec 3<&0; for i in $(seq 700); do read line <&3 & done; wait';
    const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    expect(childrenOf(process.pid)).toContain(child.pid);
    await eventually(() => childrenOf(child.pid!).length === 700, 'all children');
    expect(childrenOf(child.pid!).every((pid) => readStat(pid)?.parent === child.pid)).toBe(true);
    process.kill(-child.pid!, 'SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
  });

  it('distinguishes a defunct process from a leader whose threads live', () => {
    const stat = { ...readStat('self')!, state: 'Z' };
    expect(isDefunct({ ...stat, threads: 1 })).toBe(true);
    expect(isDefunct({ ...stat, threads: 5 })).toBe(false);
    expect(isDefunct({ ...stat, state: 'S', threads: 1 })).toBe(false);
  });

  it('knows the counter of pids and its end', async () => {
    expect(lastPid()).toBeGreaterThan(0);
    expect(pidMax()).toBeGreaterThanOrEqual(lastPid());
    const before = forksSinceBoot();
    await new Promise((resolve) => spawn('true').once('exit', resolve));
    expect(forksSinceBoot()).toBeGreaterThan(before);
  });

  it('finds the process that listens on a port', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const other = spawn('sleep', ['300'], { stdio: 'ignore' });
    expect(listensOn([process.pid], port)).toBe(true);
    expect(listensOn([other.pid!], port)).toBe(false);
    expect(listensOn([NOBODY], port)).toBeUndefined();
    await new Promise((resolve) => server.close(resolve));
    expect(listensOn([process.pid], port)).toBeUndefined();
    other.kill('SIGKILL');
  });
});

describe('the children of the main thread', () => {
  it('are told apart from a known list without listing them, also when one has ended and is not reaped', async () => {
    const first = spawn('sleep', ['300'], { stdio: 'ignore' });
    const known = childrenOfMainThread()!;
    expect(known).toContain(first.pid);
    const length = known.join(' ').length + 1;
    expect(hasOtherChildren(length)).toBe(false);
    const second = spawn('sleep', ['300'], { stdio: 'ignore' });
    expect(hasOtherChildren(length)).toBe(true);
    expect(childrenOfMainThread()).toEqual([...known, second.pid]);
    first.kill('SIGKILL');
    while (!isDefunct(readStat(first.pid!)!)) {} // Node reaps it in a later turn
    expect(childrenOfMainThread()).toEqual([...known, second.pid]);
    second.kill('SIGKILL');
  });

  it('have the limit of file locks that they inherited', () => {
    const limited = spawn('prlimit', ['--locks=4711', 'sleep', '300'], { stdio: 'ignore' });
    return eventually(() => {
      if (fileLockLimit(limited.pid!) !== 4711n) return false;
      limited.kill('SIGKILL');
      return true;
    }, 'the limit');
  });
});

describe('the log of the kernel', () => {
  const LOG = [
    '3,10,1000,-;Out of memory: Killed process 41 (node) total-vm:1kB',
    '6,11,1500,-;usb 1-1: new device',
    '3,12,2000,-;Memory cgroup out of memory: Killed process 42 (a b) total-vm:2kB',
    ' SUBSYSTEM=memory',
  ].join('\n');

  it('names the victims of a want of memory', () => {
    expect(victimsIn(LOG, 0)).toEqual([
      { pid: 41, at: 1000 },
      { pid: 42, at: 2000 },
    ]);
  });

  it('does not name them again', () => {
    expect(victimsIn(LOG, 1000).map((victim) => victim.pid)).toEqual([42]);
    expect(victimsIn(LOG, 2000)).toEqual([]);
  });

  it('names the path of a socket, with its spaces, also after it was deleted', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'supertree proc '));
    const path = join(directory, 'a socket');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    rmSync(directory, { recursive: true });
    expect(unixSocketsOf(process.pid)).toContainEqual({ path, isListening: true });
    server.close();
  });
});

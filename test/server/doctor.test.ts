import { describe, expect, it } from 'vitest';
import { hiddenProcesses, ownedThreads } from '../../src/drivers/proc/system.js';
import { node, zeromq } from '../../src/server/doctor/software.js';

describe('a check of the doctor', () => {
  it('compares versions of Node by their numbers', () => {
    const levels = ['18.20.0', '20.7.9', '20.8.0', '20.10.1', '24.0.0'].map((version) => node(version).level);
    expect(levels).toEqual(['broken', 'broken', 'fine', 'fine', 'fine']);
  });

  it('loads zeromq', async () => {
    expect(await zeromq()).toMatchObject({ level: 'fine' });
  });
});

describe('the mount of /proc', () => {
  const mount = (options: string, point = '/proc') => `21 26 0:20 / ${point} rw,relatime - proc proc ${options}\n`;

  it('hides processes of other users by hidepid, whatever else is mounted', () => {
    expect(hiddenProcesses(mount('rw'))).toBeNull();
    expect(hiddenProcesses(mount('rw,hidepid=0'))).toBeNull();
    expect(hiddenProcesses(mount('rw,hidepid=2'))).toBe('2');
    expect(hiddenProcesses(mount('rw,gid=4,hidepid=invisible'))).toBe('invisible');
    expect(hiddenProcesses(mount('rw,hidepid=2', '/chroot/proc') + mount('rw'))).toBeNull();
    expect(hiddenProcesses(mount('rw,hidepid=2') + mount('rw'))).toBeNull();
  });
});

describe('the threads of a user', () => {
  it('are those of its processes', () => {
    expect(ownedThreads(process.geteuid!())).toBeGreaterThan(1);
    expect(ownedThreads(4_000_000_000)).toBe(0);
  });
});

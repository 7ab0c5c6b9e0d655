import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fitsSocket, type SocketLock, sweepLocks, takeLock } from '../../../src/actors/locks/socket-lock.js';
import { fixture } from '../../contract/recorder.js';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
  path = join(directory, 'lock');
});

afterEach(() => rm(directory, { recursive: true, force: true }));

async function take(at = path): Promise<SocketLock | null> {
  const lock = await takeLock(at);
  return 'socket' in lock ? null : lock;
}

/** What a process that was killed leaves: a socket on which nobody listens. */
async function leave(at: string): Promise<void> {
  await mkdir(at);
  const code = `require('net').createServer().listen(${JSON.stringify(join(at, 'dead'))}, () => process.kill(process.pid, 9))`;
  await once(spawn(process.execPath, ['-e', code]), 'close');
  expect(await readdir(at)).toEqual(['dead']);
}

/** A program that takes the lock and keeps it until its standard input ends. */
function holder(): ReturnType<typeof spawn> {
  const [node, ...args] = fixture('takes-lock', path);
  return spawn(node!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
}

describe('a lock', () => {
  it('is taken by one of many concurrent processes, and leaves no files behind', async () => {
    const locks = (await Promise.all(Array.from({ length: 40 }, () => take()))).filter((lock) => lock !== null);
    expect(locks).toHaveLength(1);
    locks[0]?.release();
    locks[0]?.release();
    expect(await readdir(directory)).toEqual([]);
  });

  it('of a dead process is taken by one of many concurrent processes', async () => {
    for (let round = 0; round < 4; round += 1) {
      await leave(path);
      const locks = (await Promise.all(Array.from({ length: 20 }, () => take()))).filter((lock) => lock !== null);
      expect(locks).toHaveLength(1);
      locks[0]?.release();
    }
    expect(await readdir(directory)).toEqual([]);
  });

  it('of another program is kept until that program is killed, and can be taken then', async () => {
    const child = holder();
    await once(child.stdout!, 'data');
    expect(await take()).toBeNull();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const lock = await take();
    expect(lock).not.toBeNull();
    lock?.release();
    expect(await readdir(directory)).toEqual([]);
  });

  it('leaves nothing behind when its program ends by itself without a release', async () => {
    const child = holder();
    await once(child.stdout!, 'data');
    child.stdin?.end();
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    expect(await readdir(directory)).toEqual([]);
  });

  it('is kept although its program is stopped', async () => {
    const child = holder();
    await once(child.stdout!, 'data');
    child.kill('SIGSTOP');
    expect(await take()).toBeNull();
    child.kill('SIGKILL');
    await once(child, 'exit');
  });

  it('is not taken where a file stands, which stays', async () => {
    await writeFile(path, 'mine');
    await expect(take()).rejects.toThrow(/is not a directory/);
    expect(await readdir(directory)).toEqual(['lock']);
  });

  it('is refused where its sockets would have too long a path, and makes nothing there', async () => {
    const long = join(directory, 'x'.repeat(100));
    expect(fitsSocket(path)).toBe(true);
    expect(fitsSocket(long)).toBe(false);
    await expect(take(long)).rejects.toThrow(/too long/);
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('sweepLocks', () => {
  it('removes the locks of dead processes and old unfinished ones, and no other files', async () => {
    await leave(join(directory, 'port-1'));
    await leave(join(directory, 'other'));
    const server = createServer().listen(join(directory, 's.sock'));
    await once(server, 'listening');
    const [old, young] = [join(directory, `.${'0'.repeat(12)}`), join(directory, `.${'1'.repeat(12)}`)];
    await leave(old);
    await leave(young);
    await utimes(old, 1, 1);
    const lock = await take(join(directory, 'port-2'));
    await sweepLocks(directory, 'port-');
    expect((await readdir(directory)).sort()).toEqual([`.${'1'.repeat(12)}`, 'other', 'port-2', 's.sock']);
    lock?.release();
    server.close();
  });
});

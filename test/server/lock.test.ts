import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockPath } from '../../src/server/lock.js';
import { strangerAt } from '../security/other-user.js';

let directory: string;
let path: string;
const closing: (() => void)[] = [];

beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'supertree-test-')));
  path = join(directory, 's.sock');
});

afterEach(async () => {
  for (const close of closing.splice(0)) close();
  await rm(directory, { recursive: true, force: true });
});

/** Holds the lock of `path` as another program of this user could, and treats whoever asks as `answer` says. */
async function hold(answer: (socket: Socket) => void): Promise<Server> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => socket.destroy());
    answer(socket);
  });
  await mkdir(`${path}.lock`);
  await new Promise<void>((resolve) => server.listen(join(`${path}.lock`, 'x'), resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return server;
}

const UNKNOWN_HOLDER = 'an unknown process that holds its lock';

describe('lockPath', () => {
  it('does not wait for a holder that never stops talking, and repeats nothing of it', async () => {
    await hold((socket) => {
      const timer = setInterval(() => socket.write('\x1b[31mHACK'.repeat(1000)), 50);
      socket.on('close', () => clearInterval(timer));
    });
    expect(await lockPath(path)).toBe(UNKNOWN_HOLDER);
  });

  it('does not wait for a holder that says one byte after the other, or nothing', async () => {
    const server = await hold((socket) => {
      const timer = setInterval(() => socket.write('p'), 100);
      socket.on('close', () => clearInterval(timer));
    });
    expect(await lockPath(path)).toBe(UNKNOWN_HOLDER);
    server.removeAllListeners('connection');
    server.on('connection', (socket) => closing.push(() => socket.destroy()));
    expect(await lockPath(path)).toBe(UNKNOWN_HOLDER);
  });

  it('does not call a holder a supertree server that names the process of another user', async () => {
    await hold((socket) => socket.end('pid 1'));
    const own = process.getuid?.() === 0;
    expect(await lockPath(path)).toBe(own ? 'another supertree server (pid 1)' : UNKNOWN_HOLDER);
  });

  it('is the same lock however the directory is spelt', async () => {
    const link = join(directory, 'link');
    await symlink(directory, link);
    const lock = await lockPath(path);
    expect(await lockPath(join(link, 's.sock'))).toBe(`another supertree server (pid ${process.pid})`);
    if (typeof lock !== 'string') lock.release();
  });

  it('is released although a process keeps a connection to it open', async () => {
    const lock = await lockPath(path);
    const [socketName] = await readdir(`${path}.lock`);
    const socket = connect({ path: join(`${path}.lock`, socketName!), allowHalfOpen: true });
    closing.push(() => socket.destroy());
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('data', resolve));
    if (typeof lock !== 'string') lock.release();
    const again = await lockPath(path);
    expect(again).toHaveProperty('release');
    if (typeof again !== 'string') again.release();
  });

  it('does not depend on an abstract socket that another user may take', async () => {
    const stranger = await strangerAt(abstractNameOf(path));
    closing.push(() => void stranger.close());
    const lock = await lockPath(path);
    expect(lock).toHaveProperty('release');
    if (typeof lock !== 'string') lock.release();
    expect(await readdir(directory)).toEqual([]);
  });

  it('stands in the private directory of the user where the path of its socket would be too long', async () => {
    const long = join(directory, 's'.repeat(106 - directory.length));
    const lock = await lockPath(long);
    expect(await lockPath(long)).toBe(`another supertree server (pid ${process.pid})`);
    expect(await readdir(directory)).toEqual([]);
    if (typeof lock !== 'string') lock.release();
  });

  it('is refused where a link or a file stands, which stays', async () => {
    await writeFile(`${path}.lock`, '');
    await expect(lockPath(path)).rejects.toThrow(/s\.sock\.lock in \S+ is not a directory/);
    await rm(`${path}.lock`);
    await symlink(directory, `${path}.lock`);
    await expect(lockPath(path)).rejects.toThrow(/is not a directory/);
    expect(await readdir(directory)).toEqual(['s.sock.lock']);
  });
});

const abstractNameOf = (text: string) => `\0supertree-${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;

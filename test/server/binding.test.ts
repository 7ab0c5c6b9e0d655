import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SupertreeError } from '../../src/errors.js';
import { defaultEndpoint, parseEndpoint, userEndpoint } from '../../src/protocol/endpoint.js';
import { bindOne, checkEndpoints, defaultEndpoints, refuseOpenToUsers } from '../../src/server/binding.js';
import { lockPath } from '../../src/server/lock.js';
import { createRequestRouter, type RequestRouter } from '../../src/transport/router.js';
import type { Binding } from '../../src/transport/transport.js';

let directory: string;
const routers: RequestRouter[] = [];
const bindings: Binding[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
});

afterEach(async () => {
  for (const binding of bindings.splice(0)) await binding.release();
  for (const router of routers.splice(0)) await router.close();
  await rm(directory, { recursive: true, force: true });
});

async function bind(...endpoints: string[]): Promise<readonly Binding[]> {
  const router = createRequestRouter({ handle: async () => Buffer.alloc(0), failed: () => {} });
  routers.push(router);
  const made: Binding[] = [];
  for (const { text } of checkEndpoints(endpoints)) {
    const binding = await bindOne(router, text);
    made.push(binding);
    bindings.push(binding);
  }
  return made;
}

async function refusal(work: Promise<unknown>): Promise<SupertreeError> {
  const thrown: unknown = await work.then(
    () => 'not refused',
    (error: unknown) => error,
  );
  if (!(thrown instanceof SupertreeError)) throw new Error(String(thrown));
  return thrown;
}

const socketPath = () => join(directory, 's.sock');

describe('an ipc endpoint', () => {
  it('is private to its user, and its file is gone when it is released', async () => {
    await bind(`ipc://${socketPath()}`);
    expect((await stat(socketPath())).mode & 0o777).toBe(0o600);
    await bindings[0]?.release();
    await expect(stat(socketPath())).rejects.toThrow('ENOENT');
    await bind(`ipc://${socketPath()}`);
  });

  it('of a living server is never taken, not even when ten ask at once', async () => {
    const all = await Promise.allSettled(Array.from({ length: 10 }, () => bind(`ipc://${socketPath()}`)));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refused = all.flatMap((each) => (each.status === 'rejected' ? [each.reason as SupertreeError] : []));
    expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['ENDPOINT_IN_USE']));
    expect(refused[0]?.message).toContain(`another supertree server (pid ${process.pid})`);
  });

  it('that a dead server left behind is taken over', async () => {
    // Node removes its socket file when it closes, so the file of a dead server is made by moving it away before.
    const dead = await listen(join(directory, 'dead.sock'));
    const { link } = await import('node:fs/promises');
    await link(join(directory, 'dead.sock'), socketPath());
    await close(dead);
    expect((await stat(socketPath())).isSocket()).toBe(true);
    expect(await bind(`ipc://${socketPath()}`)).toHaveLength(1);
  });

  it('that another program listens on is left alone', async () => {
    const other = await listen(socketPath());
    const error = await refusal(bind(`ipc://${socketPath()}`));
    expect(error).toMatchObject({
      code: 'ENDPOINT_IN_USE',
      message: expect.stringContaining('a process that listens there'),
    });
    expect(other.listening).toBe(true);
    expect((await stat(socketPath())).isSocket()).toBe(true);
    await close(other);
  });

  it('over a file is refused, and the file stays', async () => {
    await writeFile(socketPath(), 'precious');
    expect(await refusal(bind(`ipc://${socketPath()}`))).toMatchObject({ code: 'ENDPOINT_IN_USE' });
    expect((await stat(socketPath())).size).toBe(8);
  });

  it('in a directory that is not there is refused', async () => {
    expect(await refusal(bind(`ipc://${directory}/none/s.sock`))).toMatchObject({ code: 'ENDPOINT_UNUSABLE' });
  });
});

describe('a tcp endpoint', () => {
  it('on port 0 resolves with the real port', async () => {
    const [binding] = await bind('tcp://127.0.0.1:0');
    expect(binding?.endpoint).toMatch(/^tcp:\/\/127\.0\.0\.1:[1-9]\d+$/);
  });

  it('that is taken is refused with the name of the holder', async () => {
    const stranger = createServer();
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const { port } = stranger.address() as { port: number };
    const error = await refusal(bind(`tcp://127.0.0.1:${port}`));
    expect(error).toMatchObject({
      code: 'ENDPOINT_IN_USE',
      details: { holder: expect.stringContaining(`pid ${process.pid}`) },
    });
    expect(error.remedy).toContain('another endpoint');
    await close(stranger);
  });

  it.each([
    'tcp://0.0.0.0:5555',
    'tcp://*:5555',
    'tcp://[::]:5555',
    'tcp://192.168.1.1:5555',
    'tcp://eth0:5555',
    'tcp://example.org:5555',
  ])('%s is refused, because others could reach it', (endpoint) => {
    expect(() => checkEndpoints([endpoint])).toThrow(
      new SupertreeError('ENDPOINT_EXPOSED', { endpoint, who: 'anybody who reaches this machine' }),
    );
  });

  it('is refused to root, whose programs every user could run there; an ipc socket is not, nor is it to another user', () => {
    const endpoints = ['ipc:///run/s.sock', 'tcp://127.0.0.1:5555'].map(parseEndpoint);
    expect(() => refuseOpenToUsers(endpoints, 0)).toThrow(
      'tcp://127.0.0.1:5555 would be open to every user of this machine, as root.',
    );
    expect(() => refuseOpenToUsers(endpoints.slice(0, 1), 0)).not.toThrow();
    expect(() => refuseOpenToUsers(endpoints, 1000)).not.toThrow();
  });

  it.each(['tcp://127.0.0.1:5555', 'tcp://localhost:5555', 'tcp://[::1]:5555', 'tcp://127.9.9.9:*'])(
    '%s may be bound',
    (endpoint) => {
      expect(checkEndpoints([endpoint])).toHaveLength(1);
    },
  );
});

describe('parseEndpoint', () => {
  it.each([
    '',
    'web',
    'http://x',
    'ipc://',
    'ipc://*',
    'ipc://@abstract',
    'ipc:///dir/',
    'tcp://127.0.0.1',
    'tcp://127.0.0.1:99999',
    'tcp://127.0.0.1:x',
    'tcp://[web]:1',
    `ipc:///${'x'.repeat(107)}`,
  ])('refuses %j', (text) => {
    expect(() => parseEndpoint(text)).toThrow(expect.objectContaining({ code: 'ENDPOINT_INVALID' }));
  });

  it('accepts a path of 107 bytes, and makes a relative one absolute', () => {
    expect(parseEndpoint(`ipc:///${'x'.repeat(106)}`)).toMatchObject({ kind: 'ipc' });
    expect(parseEndpoint('ipc://s.sock')).toMatchObject({ path: join(process.cwd(), 's.sock') });
  });
});

describe('where a client looks, and a server listens', () => {
  it('is the one in the environment, and no other', () => {
    expect(defaultEndpoint({ SUPERTREE_ENDPOINT: 'tcp://127.0.0.1:7' })).toEqual({
      text: 'tcp://127.0.0.1:7',
      isNamed: true,
    });
  });

  it('is the socket of this user alone, where every other user of the machine could listen on a port', () => {
    const env = { XDG_RUNTIME_DIR: directory };
    const text = `ipc://${directory}/supertree/supertree.sock`;
    expect(userEndpoint(env)).toBe(text);
    expect(defaultEndpoint(env)).toEqual({ text, isNamed: false });
    expect(defaultEndpoints()).toEqual([userEndpoint()]);
  });

  it('is below the temporary directory where there is no runtime directory', () => {
    expect(userEndpoint({})).toBe(`ipc://${join(tmpdir(), `supertree-${process.getuid?.()}`, 'supertree.sock')}`);
  });
});

describe('lockPath', () => {
  it('gives a lock to one at a time, and again after its release', async () => {
    const first = await lockPath(socketPath());
    expect(await lockPath(socketPath())).toBe(`another supertree server (pid ${process.pid})`);
    if (typeof first !== 'string') first.release();
    const again = await lockPath(socketPath());
    expect(again).toHaveProperty('release');
    if (typeof again !== 'string') again.release();
  });
});

async function listen(path: string): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

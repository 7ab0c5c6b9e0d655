import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTree } from '../../src/actors/tree.js';
import { type ConnectOptions, connect } from '../../src/client/client.js';
import type { SupertreeError } from '../../src/errors.js';
import { auditToFile } from '../../src/server/audit-log.js';
import { loadSecurity, readClientSecurity, writeKeyPair } from '../../src/server/keys.js';
import { createServer } from '../../src/server/server.js';
import { isRoot, OTHER, strangerAt, supertreeAsOther } from './other-user.js';

let directory: string;
const undo: (() => unknown)[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
});

afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
  await rm(directory, { recursive: true, force: true });
});

const me = process.geteuid?.() ?? 0;

/** Somebody who is neither this user nor the other one. */
const THIRD = 64_321;

async function refusal(work: Promise<unknown>): Promise<SupertreeError> {
  return (await work.then(
    () => new Error('not refused'),
    (thrown: unknown) => thrown,
  )) as SupertreeError;
}

async function serving(endpoint: string): Promise<void> {
  const server = await createServer({
    config: { tree: { id: 'root', children: [] }, settings: { endpoints: [endpoint], pubEndpoints: [] } },
    createTree: (input) => createTree(input),
    failed: () => {},
  });
  undo.push(() => server.stop({ brutal: true }));
}

async function outcome(options: ConnectOptions): Promise<string> {
  try {
    await (await connect({ timeout: 20_000, ...options })).close();
    return 'connected';
  } catch (thrown) {
    return (thrown as SupertreeError).code;
  }
}

describe('a client', () => {
  it('sends nothing to an ipc socket of another user in a directory that all may write', async () => {
    await chmod(directory, 0o1777);
    const path = join(directory, 's.sock');
    const stranger = await strangerAt(path);
    undo.push(stranger.close);
    // Who is not root has nobody to be a stranger, so it means somebody else.
    const owner = isRoot ? {} : { owner: THIRD };
    const error = await refusal(connect({ endpoint: `ipc://${path}`, ...owner }));
    expect(error).toMatchObject({
      code: 'ENDPOINT_FOREIGN',
      message: expect.stringContaining(`belongs to user ${OTHER}`),
    });
    expect(error.remedy).toContain('`owner`');
    expect(stranger.received()).toBe('');
  });

  it('sends nothing to a port of another user when its own server is down and no endpoint is given', async () => {
    const names = { XDG_RUNTIME_DIR: directory };
    if (isRoot) await chown(directory, OTHER, OTHER);
    const { code, err } = await supertreeAsOther(['ps'], names);
    expect(code).toBe(3);
    expect(err).toMatch(/^NO_SERVER: No supertree server answered at ipc:\/\/\S+\/supertree\/supertree\.sock\./);
    expect(err).not.toContain('tcp://');
  });

  it('connects to the server of the user that it names, and to no other one at that path', async () => {
    await chmod(directory, 0o1777);
    const endpoint = `ipc://${join(directory, 's.sock')}`;
    await serving(endpoint);
    expect(await outcome({ endpoint })).toBe('connected');
    expect(await outcome({ endpoint, owner: me })).toBe('connected');
    // What belongs to root is never a stranger's.
    expect(await outcome({ endpoint, owner: THIRD })).toBe(isRoot ? 'connected' : 'ENDPOINT_FOREIGN');
  });

  it('as root connects to the server of the user that owns the directory of the socket', async () => {
    const home = join(directory, 'home');
    await mkdir(home, { mode: 0o755 });
    await chmod(directory, 0o755);
    if (isRoot) await chown(home, OTHER, OTHER);
    const path = join(home, 's.sock');
    const stranger = await strangerAt(path);
    undo.push(stranger.close);
    // It speaks, and is not answered.
    expect(await outcome({ endpoint: `ipc://${path}`, timeout: 300 })).toBe('NO_SERVER');
    expect(stranger.received()).not.toBe('');
  });

  it('gets an error about the missing permission, not about a missing server', async () => {
    await chmod(directory, 0o755);
    const path = join(directory, 's.sock');
    await serving(`ipc://${path}`);
    if (isRoot) {
      const { code, err } = await supertreeAsOther(['--endpoint', `ipc://${path}`, 'ps']);
      expect(err).toMatch(/^ENDPOINT_UNUSABLE: .* permission denied: it belongs to user 0 and has the mode 0600\./);
      expect(code).toBe(1);
    } else {
      await chmod(path, 0o400);
      expect(await outcome({ endpoint: `ipc://${path}` })).toBe('ENDPOINT_UNUSABLE');
    }
    await chmod(directory, 0o700);
    if (isRoot) {
      const { err } = await supertreeAsOther(['--endpoint', `ipc://${path}`, 'ps']);
      expect(err).toMatch(/^ENDPOINT_UNUSABLE: .*EACCES: permission denied/);
    }
  });
});

describe('a server', () => {
  it('passes on the error of the system for a path that it may not use, without an internal error', async () => {
    await chmod(directory, 0o700);
    // A user may write its own directory.
    const forbidden = isRoot ? `${directory}/y.sock` : '/proc/1/y.sock';
    const names = { XDG_RUNTIME_DIR: '/none' };
    const { code, err } = await supertreeAsOther(['serve', '--endpoint', `ipc://${forbidden}`], names);
    expect(err).toMatch(/^ENDPOINT_UNUSABLE: /);
    expect(code).toBe(1);
    for (const path of ['/proc/1/y.sock', '/nowhere/at/all/y.sock'])
      expect(await refusal(serving(`ipc://${path}`))).toMatchObject({ code: 'ENDPOINT_UNUSABLE' });
  });

  it.each([0o777, 0o770, 0o757])('binds no socket in a directory of the mode %o', async (mode) => {
    await chmod(directory, mode);
    const error = await refusal(serving(`ipc://${directory}/s.sock`));
    expect(error).toMatchObject({
      code: 'ENDPOINT_UNUSABLE',
      message: expect.stringContaining(`the directory ${directory} may be written by others`),
    });
  });

  it('writes no audit log, and reads no key, in a directory that others may write', async () => {
    const keys = join(directory, 'keys');
    await mkdir(keys);
    await writeKeyPair(keys, 'server');
    await writeFile(join(keys, 'keys.toml'), 'secret_key_file = "server.key"\n', { mode: 0o600 });
    await chmod(directory, 0o777);
    const unsafe = expect.stringContaining('may be written by others');
    expect(() => auditToFile(join(directory, 'audit.log'))).toThrow(
      expect.objectContaining({ code: 'AUDIT_FILE', message: unsafe }),
    );
    for (const work of [
      () => loadSecurity(join(keys, 'keys.toml'), 'root'),
      () => readClientSecurity(join(keys, 'server.key'), join(keys, 'server.pub')),
      () => writeKeyPair(keys, 'other'),
    ]) {
      expect(await refusal(work())).toMatchObject({ code: 'KEY_FILE', message: unsafe });
    }
  });

  it('writes no audit log through the link of another user', async () => {
    const target = join(directory, 'precious');
    await writeFile(target, '');
    await chmod(directory, 0o1777);
    const link = join(directory, 'audit.log');
    const { symlink, lchown, readFile } = await import('node:fs/promises');
    await symlink(target, link);
    if (isRoot) {
      await lchown(link, OTHER, OTHER);
      expect(() => auditToFile(link)).toThrow(`${link} belongs to user ${OTHER}`);
    } else {
      auditToFile(link).close(() => {});
    }
    expect(await readFile(target, 'utf8')).toBe('');
  });
});

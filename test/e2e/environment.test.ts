import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandAgent } from '../../src/index.js';
import { driverNamed, shareKeeper, sleeper, world } from './world.js';

shareKeeper();

/** The variables of a service manager and of a shell, which belong to the program alone. */
const OF_THE_PROGRAM = {
  NOTIFY_SOCKET: '/run/systemd/notify',
  LISTEN_FDS: '1',
  LISTEN_PID: '1',
  LISTEN_FDNAMES: 'http',
  WATCHDOG_USEC: '30000000',
  WATCHDOG_PID: '1',
  OLDPWD: '/',
};
const PROGRAM = { ...OF_THE_PROGRAM, LISTEN_ADDRESS: '::1', SEEN: 'yes', PWD: '/elsewhere' };

describe.each(['keeper', 'local'] as const)('the environment of an agent of the driver %s', (driver) => {
  const before = { ...process.env };
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'supertree-environment-')));
  beforeEach(() => {
    Object.assign(process.env, PROGRAM);
  });
  afterEach(() => {
    for (const name of Object.keys(PROGRAM)) delete process.env[name];
    Object.assign(process.env, before);
  });

  /** What env(1), which changes nothing, prints in the second incarnation. */
  async function environmentOf(options: Partial<CommandAgent> = {}): Promise<Record<string, string>> {
    const agent = sleeper('a', { command: ['/usr/bin/env'], restart: 'transient', ...options });
    const w = world({ children: [agent] }, driverNamed(driver));
    await w.tree.start();
    await w.becomes('a', 'completed');
    await w.tree.agent('a').start();
    await w.reported('exited', 'root/a', 2);
    await w.becomes('a', 'completed');
    const lines = w.text('a').trim().split('\n');
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  }

  it('has what the program has, but not what belongs to the program itself', async () => {
    const env = await environmentOf();
    expect(env).toMatchObject({ SEEN: 'yes', LISTEN_ADDRESS: '::1', PATH: before.PATH, SUPERTREE_INCARNATION: '2' });
    expect(Object.keys(env).filter((name) => name in OF_THE_PROGRAM)).toEqual([]);
  });

  it('has as PWD its own working directory, and what its spec says before that', async () => {
    expect(await environmentOf()).toMatchObject({ PWD: process.cwd() });
    expect(await environmentOf({ cwd: directory })).toMatchObject({ PWD: directory });
    expect(await environmentOf({ cwd: `${directory}/../.` })).toMatchObject({ PWD: realpathSync(tmpdir()) });
    expect(await environmentOf({ cwd: directory, env: { PWD: '/own', NOTIFY_SOCKET: '/own' } })).toMatchObject({
      PWD: '/own',
      NOTIFY_SOCKET: '/own',
    });
    rmSync(directory, { recursive: true });
  });

  it('lacks what is unset', async () => {
    const env = await environmentOf({ env: { SEEN: null, A: '1', PWD: null }, unset: ['LISTEN_ADDRESS', 'MISSING'] });
    expect(env).toMatchObject({ A: '1' });
    for (const name of ['SEEN', 'PWD', 'LISTEN_ADDRESS', 'MISSING']) expect(env).not.toHaveProperty(name);
  });

  it('has nothing of the program, or the named variables alone', async () => {
    const own = (env: object) =>
      Object.keys(env)
        .filter((name) => !name.startsWith('SUPERTREE_'))
        .sort();
    expect(own(await environmentOf({ inherit: 'none' }))).toEqual(['PWD']);
    expect(own(await environmentOf({ inherit: 'none', env: { A: '1' } }))).toEqual(['A', 'PWD']);
    expect(own(await environmentOf({ inherit: ['SEEN', 'MISSING'] }))).toEqual(['PWD', 'SEEN']);
    expect(own(await environmentOf({ inherit: [] }))).toEqual(['PWD']);
  });
});

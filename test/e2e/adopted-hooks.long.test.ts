import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentData } from '../../src/model/input.js';
import { KillableServer } from './killable-server.js';
import { isRunning } from './proc.js';
import { sh } from './world.js';

let server: KillableServer;
beforeEach(async () => {
  server = new KillableServer();
  await server.start('[[children]]\nid = "other"\ncommand = ["sleep", "300"]\n');
});
afterEach(() => server.dispose());

const file = (name: string) => join(server.directory, name);
const runs = () => readFileSync(file('runs'), 'utf8').trim().split('\n');
const add = (spec: AgentData) => server.client.request('spawn', { spec, wait: false });

/** Notes each run, and whether another one runs; does not end by itself or by SIGTERM before a file `go` is there. */
function hook(name: string): string[] {
  const pid = file(`${name}.pid`);
  return sh(
    `[ -e ${pid} ] && kill -0 $(cat ${pid}) 2>/dev/null && echo doubled >>${file('runs')}; echo ${name} $SUPERTREE_INCARNATION >>${file('runs')}; ` +
      `trap "" TERM; [ -e ${file('go')} ] || setsid sleep 300 & echo $$ >${pid}; while [ ! -e ${file('go')} ]; do sleep 0.05; done`,
  );
}

/** Kills the server while the hook runs, and starts the next one. Resolves with the pid of the hook. */
async function killedDuring(name: string): Promise<number> {
  await expect.poll(() => existsSync(file(`${name}.pid`))).toBe(true);
  const pid = Number(readFileSync(file(`${name}.pid`), 'utf8'));
  await server.kill();
  expect(isRunning(pid)).toBe(true);
  const left = server.members('root/a');
  const start = server.start();
  await expect.poll(() => left.filter(isRunning)).toEqual([]);
  writeFileSync(file('go'), '');
  await start;
  return pid;
}

describe('a server with a state directory that is killed', () => {
  it('while a hook before the start runs, leaves a hook that the next one kills before it runs another', async () => {
    await add({ id: 'a', command: ['sleep', '300'], hooks: { beforeStart: hook('before') } });
    await killedDuring('before');
    await expect.poll(async () => (await server.client.status('a')).state).toBe('running');
    expect(runs()).toEqual(['before 1', 'before 2']);
    expect(server.members('root/a')).toHaveLength(1);
  });

  it('while a hook before the start runs, leaves an incarnation whose hook after the end the next one runs before it starts another', async () => {
    const after = sh(`echo after $SUPERTREE_INCARNATION $SUPERTREE_EXIT_CAUSE >>${file('runs')}`);
    await add({ id: 'a', command: ['sleep', '300'], hooks: { beforeStart: hook('before'), afterEnd: after } });
    await killedDuring('before');
    await expect.poll(async () => (await server.client.status('a')).state).toBe('running');
    expect(runs()).toEqual(['before 1', 'after 1 lost', 'before 2']);
    await server.client.restart('a');
    expect(runs().slice(3)).toEqual(['after 2 command', 'before 3']);
  });

  it('while such a hook is ended by a stop, leaves a stopped agent whose hook after the end runs before its next start', async () => {
    const after = sh(`echo after $SUPERTREE_INCARNATION >>${file('runs')}`);
    await add({ id: 'a', command: ['sleep', '300'], hooks: { beforeStart: hook('before'), afterEnd: after } });
    await expect.poll(() => existsSync(file('before.pid'))).toBe(true);
    await server.client.request('stop', { agent: 'a', wait: false });
    await killedDuring('before');
    expect(await server.client.status('a')).toMatchObject({ state: 'stopped', incarnation: 1 });
    await server.client.start('a');
    expect(runs()).toEqual(['before 1', 'after 1', 'before 2']);
  });

  it('while hooks after the end run, leaves hooks that the next one kills, and agents that are restarted by their type', async () => {
    const hooks = { afterEnd: hook('after') };
    await add({ id: 'a', command: ['true'], restart: 'transient', hooks });
    await killedDuring('after');
    expect(await server.client.status('a')).toMatchObject({ state: 'completed', incarnation: 1, exit: { code: 0 } });
    expect(runs()).toEqual(['after 1']);
    await server.client.restart('a').catch(() => {});
    await expect.poll(runs).toContain('after 2');
  });

  it('while an agent runs, runs its hook after the end once, and that before the start not again', async () => {
    writeFileSync(file('go'), '');
    const hooks = { beforeStart: hook('before'), afterEnd: hook('after') };
    await add({ id: 'a', command: sh('echo up; exec sleep 300'), hooks });
    await expect.poll(async () => (await server.client.status('a')).state).toBe('running');
    await expect.poll(async () => (await server.client.logs('a')).lines.length).toBe(1);
    const { pid } = await server.client.status('a');
    await server.kill();
    await server.start();
    expect(await server.client.status('a')).toMatchObject({ state: 'running', pid, incarnation: 1 });
    expect((await server.client.logs('a')).lines.map(({ seq, text }) => [seq, text])).toEqual([[0, 'up\n']]);
    await server.client.stop('a');
    expect(runs()).toEqual(['before 1', 'after 1']);
  });
});

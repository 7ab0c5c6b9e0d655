import { describe, expect, it } from 'vitest';
import { Registry } from '../../src/actors/registry.js';
import { SupertreeError } from '../../src/errors.js';
import type { SupervisorInput } from '../../src/model/input.js';
import { createWorld, startWorld } from './fake-world.js';

const TWINS: SupervisorInput = {
  children: [
    { id: 'web', command: ['web'] },
    {
      id: 's',
      children: [
        { id: 'web', command: ['web'] },
        { id: 'db', command: ['db'] },
      ],
    },
    { id: 'p', pool: { size: 2, agent: { command: ['p'] } } },
  ],
};

function codeOf(look: () => unknown): string {
  try {
    look();
    return 'found';
  } catch (thrown) {
    return thrown instanceof SupertreeError ? thrown.code : String(thrown);
  }
}

describe('finding an agent', () => {
  it('goes by path, by uuid in any case, and by an id that is unique in the tree', async () => {
    const { tree } = await startWorld(TWINS);
    const { uuid } = tree.agent('root/s/db');
    for (const ref of ['root/s/db', uuid, uuid.toUpperCase(), 'db']) expect(tree.agent(ref).path).toBe('root/s/db');
    expect(tree.agent('root/p/2').view()).toMatchObject({ id: '2', state: 'running' });
  });

  it('says which agents an ambiguous id names, and takes the path of either', async () => {
    const { tree } = await startWorld(TWINS);
    expect(() => tree.agent('web')).toThrow('web names more than one agent: root/web, root/s/web.');
    expect(codeOf(() => tree.agent('web'))).toBe('AGENT_AMBIGUOUS');
    expect([tree.agent('root/web').path, tree.agent('root/s/web').path]).toEqual(['root/web', 'root/s/web']);
  });

  it('finds an id again as soon as it is unique', async () => {
    const { clock, tree } = await startWorld(TWINS);
    const stopped = tree.supervisor().terminate('web');
    await clock.settle();
    await stopped;
    const deleted = tree.supervisor().delete('web');
    await clock.settle();
    await deleted;
    expect(tree.agent('web').path).toBe('root/s/web');
  });

  it.each([
    'toString',
    '__proto__',
    'constructor',
    'hasOwnProperty',
    '',
    '/',
    'root',
    'root/',
    'root/s',
    'ROOT/WEB',
    'DB',
  ])('finds nobody under %j', async (ref) => {
    const { tree } = await startWorld(TWINS);
    expect(codeOf(() => tree.agent(ref))).toBe('AGENT_NOT_FOUND');
  });

  it('finds no supervisor under the path of an agent, nor under an inherited name; its id is enough', async () => {
    const { tree } = await startWorld(TWINS);
    for (const path of ['root/web', 'toString', '__proto__', '']) {
      expect(codeOf(() => tree.supervisor(path))).toBe('SUPERVISOR_NOT_FOUND');
    }
    expect([tree.supervisor().path, tree.supervisor('s').path]).toEqual(['root', 'root/s']);
  });
});

describe('the identity of an agent', () => {
  it('stays over its restarts and those of its supervisor', async () => {
    const { clock, driver, tree } = await startWorld({
      children: [{ id: 's', maxRestarts: 0, children: [{ id: 'a', command: ['a'] }] }],
    });
    const handle = tree.agent('a');
    driver.crash('root/s/a');
    await clock.advance(1000);
    expect(handle.view()).toMatchObject({ uuid: handle.uuid, state: 'running', incarnation: 2, restarts: 1 });
  });

  it('is another one when the agent was deleted and added again, and the old handle never acts on it', async () => {
    const { clock, tree } = await startWorld({ children: [{ id: 'a', command: ['a'] }] });
    const old = tree.agent('a');
    for (const act of [
      () => tree.supervisor().terminate('a'),
      () => tree.supervisor().delete('a'),
      () => tree.supervisor().add({ id: 'a', command: ['a'] }),
    ]) {
      const done = act();
      await clock.settle();
      await done;
    }
    expect(tree.agent('a').uuid).not.toBe(old.uuid);
    expect(codeOf(() => tree.agent(old.uuid))).toBe('AGENT_NOT_FOUND');
    expect(old.view()).toMatchObject({ uuid: old.uuid, state: 'stopped' });
  });

  it('counts from 0 where nothing was ever started', () => {
    const registry = new Registry();
    expect([registry.incarnationOf('root/a'), registry.incarnationOf('__proto__')]).toEqual([0, 0]);
    expect(registry.recordOf('root/a', 7)).toMatchObject({ createdAt: 7, incarnation: 0, starts: 0 });
    expect(registry.recordOf('root/a', 9)).toBe(registry.recordOf('root/a', 11));
  });
});

describe('an agent below a supervisor that is starting again', () => {
  /** `inner` is created with `s`, and its agents when it starts: after `first` is ready. */
  const restarting = async () => {
    const first = { id: 'first', command: ['first'], readiness: { type: 'none' as const, minUptime: 500 } };
    const world = createWorld({
      children: [{ id: 's', children: [first, { id: 'inner', children: [{ id: 'a', command: ['a'] }] }] }],
    });
    const { clock, tree } = world;
    const booted = tree.start();
    await clock.advance(500);
    await booted;
    const { uuid } = tree.agent('a');
    const added = tree.supervisor('inner').add({ id: 'added', command: ['added'] });
    await clock.settle();
    await added;
    const stopped = tree.supervisor().terminate('s');
    await clock.settle();
    await stopped;
    const started = tree.supervisor().restart('s');
    await clock.settle();
    return { ...world, uuid, started };
  };

  it('is absent, under its path, its id and its uuid, and has its identity when it is there again', async () => {
    const { clock, tree, uuid, started } = await restarting();
    for (const ref of ['root/s/inner/a', 'a', uuid, uuid.toUpperCase()]) {
      expect(codeOf(() => tree.agent(ref))).toBe('AGENT_ABSENT');
    }
    await clock.advance(500);
    await started;
    expect(tree.agent('a').uuid).toBe(uuid);
  });

  it('is forgotten when it was added, because the new start of its supervisor does not know it', async () => {
    const { tree, told: reportsOf } = await restarting();
    expect(codeOf(() => tree.agent('added'))).toBe('AGENT_NOT_FOUND');
    expect(reportsOf('root/s/inner/added').at(-1)).toBe('removed');
  });

  it('is forgotten with its supervisor', async () => {
    const { clock, tree, uuid, started, told: reportsOf } = await restarting();
    started.catch(() => undefined);
    for (const act of [() => tree.supervisor().terminate('s'), () => tree.supervisor().delete('s')]) {
      const done = act();
      await clock.settle();
      await done;
    }
    for (const ref of ['a', uuid]) expect(codeOf(() => tree.agent(ref))).toBe('AGENT_NOT_FOUND');
    expect(reportsOf('root/s/inner/a').at(-1)).toBe('removed');
  });
});

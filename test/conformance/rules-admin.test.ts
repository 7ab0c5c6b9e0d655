import { describe, expect, it } from 'vitest';
import { normaliseNode } from '../../src/model/normalise.js';
import { createSupervision } from '../../src/model/supervision.js';
import { booted, child, family, pool } from './family.js';
import { CRASH, World } from './harness.js';

/** A family of one: `a` waits for its next try. */
function restarting(): World {
  const world = booted('a', { maxRestarts: 9 });
  world.holdAfterFailure = true;
  world.failNext('a');
  world.exit('a', CRASH);
  world.takeLog();
  return world;
}

/** A family of one: `a` was stopped by a person. */
function stopped(): World {
  const world = booted('a');
  world.command('stop', 'a');
  world.takeLog();
  return world;
}

const ask = (world: World, verb: 'start' | 'stop' | 'kill' | 'restart' | 'restart_child' | 'delete', id = 'a') =>
  world.answer(world.command(verb, id));

describe('dynamic administration', () => {
  it('A1 starts an unknown child at the end of the order', () => {
    const world = booted('a b');
    expect(world.answer(world.add(child('c')))).toBe('ok');
    expect(world.takeLog()).toBe('+c');
    expect(world.phases()).toBe('c up, b up, a up');
    world.halt();
    expect(world.takeLog()).toBe('-c -b -a');
  });

  it('A1 answers when the child is ready, not when its start begins', () => {
    const world = booted('');
    world.held.add('start');
    const token = world.add(child('a'));
    expect(world.answer(token)).toBe('pending');
    expect(world.answer(world.add(child('a')))).toBe('ALREADY_STARTED');
    world.pay('start', 'a');
    expect(world.answer(token)).toBe('ok');
  });

  it('A1 refuses the id of a child that runs, is stopped, or waits for a restart', () => {
    const world = booted('a');
    expect(world.answer(world.add(child('a')))).toBe('ALREADY_STARTED');
    for (const other of [stopped(), restarting()]) {
      expect(other.answer(other.add(child('a')))).toBe('ALREADY_PRESENT');
      expect(other.takeLog()).toBe('');
    }
  });

  it('A1 starts a child that is added during the boot after the children of the boot', () => {
    const world = new World(createSupervision(family('a b')));
    world.held.add('start');
    world.boot();
    const token = world.add(child('c'));
    for (const id of ['a', 'b', 'c']) world.pay('start', id);
    expect(world.takeLog()).toBe('+a +b +c');
    expect(world.answer(token)).toBe('ok');
    expect(world.engine.status).toBe('running');
  });

  it('A1 removes an added child that fails during the boot, and continues the boot', () => {
    const world = new World(createSupervision(family('a')));
    world.held.add('start');
    world.boot();
    world.failNext('c');
    const token = world.add(child('c'));
    world.pay('start', 'a');
    world.pay('start', 'c');
    expect(world.answer(token)).toBe('START_FAILED');
    expect(world.phases()).toBe('a up');
    expect(world.engine.status).toBe('running');
  });

  it('A2 stops a running child and keeps its spec; a temporary one is dropped', () => {
    const world = booted('a b:temporary');
    expect(ask(world, 'stop')).toBe('ok');
    expect(ask(world, 'stop', 'b')).toBe('ok');
    expect(world.takeLog()).toBe('-a -b');
    expect(world.phases()).toBe('a down');
  });

  it('A2 answers when the child is gone', () => {
    const world = booted('a');
    world.held.add('stop');
    const token = world.command('stop', 'a');
    expect(world.answer(token)).toBe('pending');
    world.pay('stop', 'a');
    expect(world.answer(token)).toBe('ok');
  });

  it('A2 is ok for a stopped child, cancels the retry of a restarting one, and answers NOT_FOUND for an unknown id', () => {
    const down = stopped();
    expect(ask(down, 'stop')).toBe('ok');
    const waiting = restarting();
    expect(ask(waiting, 'stop')).toBe('ok');
    waiting.advance(1000);
    for (const world of [down, waiting]) {
      expect(world.takeLog()).toBe('');
      expect(world.phases()).toBe('a down');
      expect(ask(world, 'stop', 'nobody')).toBe('NOT_FOUND');
    }
  });

  it('A2 does not restart a child that crashes while it is asked to stop', () => {
    const world = booted('a', { maxRestarts: 0 });
    world.held.add('stop');
    const token = world.command('stop', 'a');
    world.exit('a', CRASH);
    expect(world.answer(token)).toBe('ok');
    expect(world.phases()).toBe('a down');
    expect(world.takeLog()).toBe('-a');
    expect(world.end()).toBeNull();
  });

  it('A2 stops a child that is starting; the caller of the start gets SUPERSEDED', () => {
    const world = stopped();
    world.held.add('start');
    const start = world.command('start', 'a');
    expect(ask(world, 'stop')).toBe('ok');
    expect(world.answer(start)).toBe('SUPERSEDED');
    expect(world.phases()).toBe('a down');
  });

  it('A2 removes an instance of a pool, and answers NOT_FOUND for an unknown id', () => {
    const world = new World(pool({ size: 2 })).boot();
    expect(ask(world, 'stop', '1')).toBe('ok');
    expect(world.phases()).toBe('2 up');
    expect(ask(world, 'stop', '1')).toBe('NOT_FOUND');
  });

  it('A2 cancels the retry of an instance of a pool and removes it', () => {
    const world = new World(pool({ size: 1 })).boot();
    world.held.add('delay');
    world.exit('1', CRASH);
    expect(ask(world, 'stop', '1')).toBe('ok');
    world.takeLog();
    world.advance(0);
    expect(world.takeLog()).toBe('');
    expect(world.phases()).toBe('');
  });

  it('A2 answers ZOMBIE for a child that cannot be ended, and starts no second incarnation', () => {
    const world = booted('a b');
    world.stubborn.add('a');
    expect(ask(world, 'stop')).toBe('ZOMBIE');
    expect(world.phases()).toBe('b up, a stuck');
    for (const verb of ['start', 'restart', 'restart_child', 'delete'] as const)
      expect(ask(world, verb)).toBe('ZOMBIE');
    world.exit('a', { kind: 'killed' });
    expect(world.phases()).toBe('b up, a down');
    expect(ask(world, 'start')).toBe('ok');
    expect(world.violations).toEqual([]);
  });

  it('A3 starts a stopped child and refuses one that runs, waits for a restart, or is unknown', () => {
    const down = stopped();
    expect(ask(down, 'restart_child')).toBe('ok');
    expect(down.takeLog()).toBe('+a');
    expect(ask(down, 'restart_child')).toBe('RUNNING');
    expect(ask(restarting(), 'restart_child')).toBe('RESTARTING');
    expect(ask(down, 'restart_child', 'nobody')).toBe('NOT_FOUND');
  });

  it('A3 refuses a sibling that waits for its turn in a restart, so that the order is kept', () => {
    const world = booted('a b', { strategy: 'one_for_all' });
    world.held.add('delay');
    world.exit('a', CRASH);
    expect(world.phases()).toBe('b down, a restarting');
    expect(ask(world, 'restart_child', 'b')).toBe('RESTARTING');
    expect(ask(world, 'delete', 'b')).toBe('RESTARTING');
    world.advance(0);
    expect(world.takeLog()).toBe('-b +a +b');
  });

  it('A4 forgets a stopped child and refuses one that runs, waits for a restart, or is unknown', () => {
    const down = stopped();
    expect(ask(down, 'delete')).toBe('ok');
    expect(down.phases()).toBe('');
    expect(ask(down, 'delete')).toBe('NOT_FOUND');
    expect(ask(booted('a'), 'delete')).toBe('RUNNING');
    expect(ask(restarting(), 'delete')).toBe('RESTARTING');
  });

  it('A4 permits a deleted id to be added again, as the newest child', () => {
    const world = booted('a b');
    ask(world, 'stop');
    ask(world, 'delete');
    expect(world.answer(world.add(child('a')))).toBe('ok');
    expect(world.phases()).toBe('a up, b up');
  });

  it('A5 emits the full spec of each new child, with every default', () => {
    const world = booted('a');
    const spec = normaliseNode({ id: 'b', command: ['true'] });
    world.add(spec);
    const created = world.effects.filter((effect) => effect.type === 'create');
    expect(created.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(created[1]?.spec).toBe(spec);
    expect(spec).toMatchObject({ kind: 'agent', restart: 'permanent', significant: false, successCodes: [0] });
  });

  it('A6 lists the newest first, with down for stopped children and restarting for waiting ones', () => {
    const world = booted('a b:transient c', { maxRestarts: 9 });
    world.holdAfterFailure = true;
    world.failNext('c');
    world.exit('b', { kind: 'normal' });
    world.exit('c', CRASH);
    world.add(child('d'));
    expect(world.phases()).toBe('d up, c restarting, b down, a up');
  });

  it('A6 lists the instances of a pool, newest first', () => {
    const world = new World(pool({ size: 2 })).boot();
    world.add(child('any'));
    expect(world.phases()).toBe('3 up, 2 up, 1 up');
  });

  it('A7 gives one row of A6, and none for an unknown id', () => {
    const world = booted('a b');
    for (const row of world.engine.which()) expect(world.engine.row(row.id)).toEqual(row);
    expect(world.engine.row('nobody')).toBeUndefined();
    expect(new World(pool({ size: 1 })).boot().engine.row('1')).toMatchObject({ id: '1', phase: 'up' });
  });

  it('A8 counts specs, living children, supervisors and workers', () => {
    const spec = family('a b c:transient');
    const nested = { ...family(''), id: 'inner' };
    const world = new World(createSupervision({ ...spec, children: [...spec.children, nested] })).boot();
    world.held.add('delay');
    world.command('stop', 'a');
    world.exit('b', CRASH);
    expect(world.engine.count()).toEqual({ specs: 4, active: 2, supervisors: 1, workers: 3 });
  });

  it('A8 counts one spec for a pool, and as active the instances that do not wait for a restart', () => {
    const world = new World(pool({ size: 3 })).boot();
    world.held.add('delay');
    world.exit('2', CRASH);
    expect(world.engine.count()).toEqual({ specs: 1, active: 2, supervisors: 0, workers: 3 });
  });

  it('A9 keeps the spec and leaves the child down when restart_child fails, without a retry', () => {
    const world = stopped();
    world.failNext('a');
    expect(ask(world, 'restart_child')).toBe('START_FAILED');
    expect(world.phases()).toBe('a down');
    expect(world.takeLog()).toBe('+a');
    expect(ask(world, 'restart_child')).toBe('ok');
  });

  it('A9 does not apply to the verb start: its failed start is retried as R8', () => {
    const world = stopped();
    world.failNext('a');
    expect(ask(world, 'start')).toBe('START_FAILED');
    expect(world.takeLog()).toBe('+a +a');
    expect(world.phases()).toBe('a up');
  });
});

describe('the idempotent verbs', () => {
  it('answer ok when the requested state is reached already', () => {
    const world = booted('a');
    expect(ask(world, 'start')).toBe('ok');
    expect(world.takeLog()).toBe('');
    expect(ask(world, 'kill')).toBe('ok');
    expect(ask(world, 'kill')).toBe('ok');
    expect(world.takeLog()).toBe('-a');
  });

  it('join a restart that is under way: ten callers, one stop, one start, ten answers', () => {
    const world = booted('a');
    world.held.add('stop');
    const tokens = Array.from({ length: 10 }, () => world.command('restart', 'a'));
    world.pay('stop', 'a');
    expect(world.takeLog()).toBe('-a +a');
    expect(tokens.map((token) => world.answer(token))).toEqual(Array.from({ length: 10 }, () => 'ok'));
  });

  it('start a child again when the start follows a stop that is under way', () => {
    for (const world of [booted('a'), new World(pool({ size: 1 })).boot()]) {
      const [row] = world.engine.which();
      world.takeLog();
      world.held.add('stop');
      world.command('stop', row!.id);
      const start = world.command('start', row!.id);
      world.pay('stop', row!.id);
      expect(world.answer(start)).toBe('ok');
      expect(world.takeLog()).toBe(`-${row!.id} +${row!.id}`);
      expect(world.violations).toEqual([]);
    }
  });
});

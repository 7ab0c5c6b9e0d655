import { describe, expect, it } from 'vitest';
import { booted, child, pool, worldOf } from './family.js';
import { CRASH, START_FAILED, told, World } from './harness.js';

/* Children that cannot be ended, in the middle of starts and restarts. Their last process is gone when the test says so. */

describe('a start that fails and leaves a zombie', () => {
  it('S5 discards the spec of an added child when the zombie is gone', () => {
    const world = booted('a');
    world.held.add('start');
    const token = world.add(child('b'));
    world.condemn('b');
    expect([world.answer(token), world.phases()]).toEqual(['ZOMBIE', 'b stuck, a up']);
    world.exit('b', START_FAILED);
    expect([world.takeLog(), world.phases()]).toEqual(['+b', 'a up']);
  });

  it('S5 forgets an added instance of a pool when the zombie is gone', () => {
    const world = new World(pool()).boot();
    world.held.add('start');
    const token = world.add(child('x'));
    world.condemn('1');
    world.exit('1', START_FAILED);
    expect([world.answer(token), world.takeLog(), world.phases()]).toEqual(['ZOMBIE', '+1', '']);
    expect(told(world, 'retry')).toEqual([]);
  });

  it('A9 leaves a child that a call restarted down when the zombie is gone', () => {
    const world = booted('a');
    world.command('stop', 'a');
    world.held.add('start');
    world.command('restart_child', 'a');
    world.condemn('a');
    world.exit('a', START_FAILED);
    expect([world.takeLog(), world.phases()]).toEqual(['-a +a', 'a down']);
  });

  it('R8 charges the next attempt of a restart', () => {
    const world = booted('a', { maxRestarts: 1 });
    world.held.add('start');
    world.exit('a', CRASH);
    world.condemn('a');
    world.exit('a', START_FAILED);
    expect([world.takeLog(), world.end()]).toEqual(['+a', 'shutdown']);
  });

  it('S2 with boot: retry charges the next attempt when the zombie is gone; the others start meanwhile', () => {
    const world = worldOf('a b', { boot: 'retry', maxRestarts: 1 });
    world.held.add('start');
    world.boot();
    world.condemn('a');
    world.pay('start', 'b');
    expect([world.takeLog(), world.engine.status]).toEqual(['+a +b', 'running']);
    world.exit('a', START_FAILED);
    expect(told(world, 'retry')).toMatchObject([{ id: 'a', restarts: 1, left: 0 }]);
    expect(world.takeLog()).toBe('+a');
  });
});

describe('a zombie in a restart of siblings', () => {
  it('T2 starts in its turn when it is gone before the restart comes to it', () => {
    const world = booted('a b c', { strategy: 'one_for_all' });
    for (const kind of ['start', 'stop'] as const) world.held.add(kind);
    world.condemn('b');
    world.exit('a', CRASH);
    world.exit('b', CRASH);
    expect(world.takeLog()).toBe('-c');
    world.pay('stop', 'c');
    expect(world.takeLog()).toBe('+a');
    world.pay('start', 'a');
    expect(world.takeLog()).toBe('+b');
  });

  it('T2 starts after the start under way when the restart has gone on without it', () => {
    const world = booted('a b c', { strategy: 'one_for_all', maxRestarts: 1 });
    world.condemn('b');
    world.held.add('start');
    world.exit('a', CRASH);
    world.pay('start', 'a');
    expect(world.takeLog()).toBe('-c +a +c');
    world.exit('b', CRASH);
    expect(world.takeLog()).toBe('');
    world.pay('start', 'c');
    expect([world.takeLog(), world.end()]).toEqual(['+b', null]);
  });
});

import { describe, expect, it } from 'vitest';
import { createSupervision } from '../../src/model/supervision.js';
import { booted, child, family, pool, worldOf } from './family.js';
import { CRASH, World } from './harness.js';

describe('strategies', () => {
  it('T1 restarts only the ended child, which keeps its place in the order', () => {
    const world = booted('a b c', { strategy: 'one_for_one' });
    world.exit('a', CRASH);
    expect(world.takeLog()).toBe('+a');
    expect(world.phases()).toBe('c up, b up, a up');
    world.halt();
    expect(world.takeLog()).toBe('-c -b -a');
  });

  it('T2 stops all others in reverse, then starts all in order', () => {
    const world = booted('a b c d', { strategy: 'one_for_all' });
    world.exit('b', CRASH);
    expect(world.takeLog()).toBe('-d -c -a +a +b +c +d');
  });

  it('T2 waits for each sibling to be gone before the next is asked, and for all before the first start', () => {
    const world = booted('a b c', { strategy: 'one_for_all' });
    world.held.add('stop');
    world.exit('b', CRASH);
    expect(world.takeLog()).toBe('-c');
    world.pay('stop', 'c');
    expect(world.takeLog()).toBe('-a');
    expect(world.phases()).toBe('c down, b restarting, a stopping');
    world.pay('stop', 'a');
    expect(world.takeLog()).toBe('+a +b +c');
  });

  it('T2 stops the restarted siblings when another child fails to start, and retries all of them', () => {
    const world = booted('a b c', { strategy: 'one_for_all', maxRestarts: 2 });
    world.failNext('c');
    world.exit('a', CRASH);
    expect(world.takeLog()).toBe('-c -b +a +b +c -b -a +a +b +c');
    expect(world.phases()).toBe('c up, b up, a up');
  });

  it('T2 leaves a child down that was stopped by command, and starts one that ended normally', () => {
    const world = booted('a b c:transient', { strategy: 'one_for_all' });
    world.command('stop', 'b');
    world.exit('c', { kind: 'normal' });
    world.takeLog();
    world.exit('a', CRASH);
    expect(world.takeLog()).toBe('+a +c');
    expect(world.phases()).toBe('c up, b down, a up');
  });

  it('T2 skips a sibling that cannot be ended, and starts it, uncharged, when its last process is gone', () => {
    const world = booted('a b c', { strategy: 'one_for_all', maxRestarts: 1 });
    world.stubborn.add('b');
    world.exit('a', CRASH);
    expect(world.takeLog()).toBe('-c -b +a +c');
    expect(world.phases()).toBe('c up, b stuck, a up');
    world.exit('b', { kind: 'killed' });
    expect(world.takeLog()).toBe('+b');
    expect(world.end()).toBeNull();
    expect(world.violations).toEqual([]);
  });

  it('T3 stops the children after the ended one in reverse, then starts all of them in order', () => {
    const world = booted('a b c d', { strategy: 'rest_for_one' });
    world.exit('b', CRASH);
    expect(world.takeLog()).toBe('-d -c +b +c +d');
  });

  it('T3 continues from a later child that fails to start; the siblings restarted before it stay up', () => {
    const world = booted('a b c d', { strategy: 'rest_for_one', maxRestarts: 2 });
    world.failNext('c');
    world.exit('b', CRASH);
    expect(world.takeLog()).toBe('-d -c +b +c +c +d');
  });

  it('T3 counts a child that was added as the last', () => {
    const world = booted('a b', { strategy: 'rest_for_one' });
    world.add(child('c'));
    world.takeLog();
    world.exit('b', CRASH);
    expect(world.takeLog()).toBe('-c +b +c');
  });

  it('T4 starts instances of one template, each restarted independently', () => {
    const world = new World(pool({ size: 3 })).boot();
    expect(world.takeLog()).toBe('+1 +2 +3');
    world.exit('2', CRASH);
    expect(world.takeLog()).toBe('+2');
    expect(world.phases()).toBe('3 up, 2 up, 1 up');
  });

  it('T4 adds instances under new ids and never gives an id twice', () => {
    const world = new World(pool({ size: 1 })).boot();
    const token = world.add(child('any'));
    expect(world.answers.get(token)).toEqual([{ ok: true, id: '2' }]);
    expect(world.answer(world.command('stop', '2'))).toBe('ok');
    expect(world.answers.get(world.add(child('any')))).toEqual([{ ok: true, id: '3' }]);
    expect(world.phases()).toBe('3 up, 1 up');
  });

  it('T4 answers restart_child and delete with SIMPLE_ONE_FOR_ONE', () => {
    const world = new World(pool({ size: 1 })).boot();
    for (const id of ['1', 'nobody']) {
      expect(world.answer(world.command('restart_child', id))).toBe('SIMPLE_ONE_FOR_ONE');
      expect(world.answer(world.command('delete', id))).toBe('SIMPLE_ONE_FOR_ONE');
    }
    expect(world.phases()).toBe('1 up');
  });

  it('T4 shares one budget among the instances', () => {
    const world = new World(pool({ size: 2, maxRestarts: 1 })).boot();
    world.exit('1', CRASH);
    world.exit('2', CRASH);
    expect(world.finished).toMatchObject([{ reason: { kind: 'shutdown' }, child: '2', left: [] }]);
  });

  it('T4 never has more instances than its maximum, nor more starting ones than its concurrency', () => {
    const world = new World(pool({ size: 3, max: 4, concurrency: 2 }));
    world.held.add('start');
    world.boot();
    expect(world.takeLog()).toBe('+1 +2');
    world.pay('start', '2');
    expect(world.takeLog()).toBe('+3');
    world.pay('start', '1');
    world.pay('start', '3');
    expect(world.engine.status).toBe('running');
    const token = world.add(child('any'));
    expect(world.answer(world.add(child('any')))).toBe('POOL_FULL');
    world.pay('start', '4');
    expect(world.answer(token)).toBe('ok');
  });

  it('T4 gives no id twice, however earlier instances ended', () => {
    const world = new World(pool({ maxRestarts: 9, restart: 'temporary' })).boot();
    const add = () => world.answers.get(world.add(child('any')));
    expect([add(), add(), add()].flat()).toMatchObject([{ id: '1' }, { id: '2' }, { id: '3' }]);
    for (const id of ['1', '2', '3']) world.exit(id, CRASH);
    expect(world.phases()).toBe('');
    expect([add(), add(), add()].flat()).toMatchObject([{ id: '4' }, { id: '5' }, { id: '6' }]);
  });

  it('T5 starts only what its spec says when a supervisor is started again', () => {
    const spec = family('a b');
    const first = new World(createSupervision(spec)).boot();
    first.add(child('c'));
    expect(first.phases()).toBe('c up, b up, a up');
    const generations = new Map(first.engine.which().map((row) => [row.id, row.generation]));
    const second = new World(createSupervision(spec, (id) => generations.get(id) ?? 0)).boot();
    expect(second.phases()).toBe('b up, a up');
    expect(second.engine.row('a')?.generation).toBe(2);
  });

  it('T6 does not leave a temporary sibling down before its first start, and answers the caller that waits for it', () => {
    for (const strategy of ['one_for_all', 'rest_for_one'] as const) {
      const world = worldOf('a b c:temporary', { strategy });
      world.held.add('start');
      world.boot();
      const token = world.command('start', 'c');
      world.pay('start', 'a');
      world.exit('a', CRASH);
      world.held.clear();
      for (const debt of world.debts.splice(0)) debt.pay();
      expect(world.answer(token)).not.toBe('pending');
      expect(world.phases()).not.toContain('c down');
    }
  });

  it('T6 stops temporary siblings, forgets them and does not start them again', () => {
    const expected = { one_for_all: '-d -c -a +b +d', rest_for_one: '-d -c +b +d' };
    for (const strategy of ['one_for_all', 'rest_for_one'] as const) {
      const world = booted('a:temporary b c:temporary d', { strategy });
      world.exit('b', CRASH);
      expect(world.takeLog()).toBe(expected[strategy]);
      expect(world.phases()).toBe(strategy === 'one_for_all' ? 'd up, b up' : 'd up, b up, a up');
    }
  });
});

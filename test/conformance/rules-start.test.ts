import { describe, expect, it } from 'vitest';
import { booted, child, worldOf } from './family.js';
import { CRASH } from './harness.js';

describe('start', () => {
  it('S1 starts children left to right, each only when the previous one is ready', () => {
    const world = worldOf('a b c');
    world.held.add('start');
    world.boot();
    expect(world.phases()).toBe('c down, b down, a starting');
    world.pay('start', 'a');
    expect(world.phases()).toBe('c down, b starting, a up');
    world.pay('start', 'b');
    world.pay('start', 'c');
    expect(world.takeLog()).toBe('+a +b +c');
  });

  it('S1 answers other calls while a slow child starts, and keeps the order', () => {
    const world = worldOf('a b c');
    world.held.add('start');
    world.boot();
    expect(world.answer(world.command('delete', 'nobody'))).toBe('NOT_FOUND');
    expect(world.answer(world.command('stop', 'b'))).toBe('ok');
    expect(world.phases()).toBe('c down, b down, a starting');
    world.pay('start', 'a');
    world.pay('start', 'c');
    expect(world.phases()).toBe('c up, b down, a up');
    expect(world.engine.status).toBe('running');
  });

  it('S2 stops the started children in reverse when a child fails at boot, and names that child', () => {
    const world = worldOf('a b c d', { maxRestarts: 9 });
    world.failNext('c');
    world.boot();
    expect(world.takeLog()).toBe('+a +b +c -b -a');
    expect(world.finished).toMatchObject([{ reason: { kind: 'start-failed' }, child: 'c', left: [] }]);
    expect(world.statuses).toEqual(['booting', 'failing', 'ended']);
  });

  it('S2 ignores the budget and the restart type at boot', () => {
    for (const restart of ['permanent', 'transient', 'temporary']) {
      const world = worldOf(`a:${restart}`, { maxRestarts: 100 });
      world.failNext('a');
      world.boot();
      expect(world.takeLog()).toBe('+a');
      expect(world.end()).toBe('start-failed');
    }
  });

  it('S2 with boot: retry follows R8: the failure is charged and retried, and only siblings that the strategy restarts with it wait', () => {
    const logs = {
      one_for_one: '+a +b +c +b +b',
      one_for_all: '+a +b -a +a +b -a +a +b +c',
      rest_for_one: '+a +b +b +b +c',
    };
    for (const strategy of ['one_for_one', 'one_for_all', 'rest_for_one'] as const) {
      const world = worldOf('a b c', { boot: 'retry', maxRestarts: 2, strategy });
      world.failNext('b', 2);
      world.boot();
      expect(world.takeLog()).toBe(logs[strategy]);
      expect(world.phases()).toBe('c up, b up, a up');
      expect(world.engine.status).toBe('running');
    }
  });

  it('S2 with boot: retry fails the boot by starts alone: an end that waits does not put off the end of the supervisor', () => {
    const world = worldOf('a b', { boot: 'retry', maxRestarts: 0, strategy: 'one_for_all' });
    world.held.add('start');
    world.boot();
    world.pay('start', 'a');
    world.exit('a', CRASH);
    world.failNext('b');
    world.pay('start', 'b');
    expect(world.statuses).toEqual(['booting', 'failing', 'ended']);
  });

  it('S2 with boot: retry follows R7 when the tries exceed the budget', () => {
    const world = worldOf('a b', { boot: 'retry', maxRestarts: 2 });
    world.failNext('b', 3);
    world.boot();
    expect(world.takeLog()).toBe('+a +b +b +b -a');
    expect(world.statuses.at(-1)).toBe('ended');
    expect(world.finished).toMatchObject([{ reason: { kind: 'shutdown' }, child: 'b' }]);
  });

  it('S5 removes the spec of an added child that does not start, and answers START_FAILED', () => {
    for (const restart of ['permanent', 'transient', 'temporary']) {
      const world = booted('a');
      world.failNext('b');
      expect(world.answer(world.add(child(`b:${restart}`)))).toBe('START_FAILED');
      expect(world.phases()).toBe('a up');
      expect(world.takeLog()).toBe('+b');
      expect(world.answer(world.add(child('b')))).toBe('ok');
    }
  });

  it('S7 is running only when the last child is ready', () => {
    const world = worldOf('a b');
    world.held.add('start');
    world.boot();
    world.pay('start', 'a');
    expect(world.engine.status).toBe('booting');
    world.pay('start', 'b');
    expect(world.engine.status).toBe('running');
    expect(world.statuses).toEqual(['booting', 'running']);
  });

  it('S7 is running at once without children', () => {
    expect(booted('').engine.status).toBe('running');
  });
});

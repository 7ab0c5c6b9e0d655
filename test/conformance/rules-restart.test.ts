import { describe, expect, it } from 'vitest';
import type { Reason } from '../../src/model/reason.js';
import { booted, family } from './family.js';
import { CRASH, told } from './harness.js';

const NORMAL: Reason = { kind: 'normal' };
const SHUTDOWN: Reason = { kind: 'shutdown' };
const KILLED: Reason = { kind: 'killed' };
const NO_JITTER = { initial: 100, factor: 2, max: 300, jitter: 0, resetAfter: 1000 };

describe('restart decision', () => {
  it('R1 restarts a permanent child however it ends', () => {
    for (const reason of [NORMAL, SHUTDOWN, KILLED, CRASH]) {
      const world = booted('a');
      world.exit('a', reason);
      expect(world.takeLog()).toBe('+a');
      expect(world.engine.row('a')).toMatchObject({ phase: 'up', generation: 2 });
    }
  });

  it('R2 does not restart a transient child that ends normally, and keeps its spec for a start by command', () => {
    for (const reason of [NORMAL, SHUTDOWN]) {
      const world = booted('a:transient');
      world.exit('a', reason);
      expect(world.takeLog()).toBe('');
      expect(world.phases()).toBe('a down');
      expect(world.answer(world.command('restart_child', 'a'))).toBe('ok');
      expect(world.phases()).toBe('a up');
    }
  });

  it('R2 restarts a transient child that ends in any other way', () => {
    for (const reason of [KILLED, CRASH]) {
      const world = booted('a:transient');
      world.exit('a', reason);
      expect(world.takeLog()).toBe('+a');
    }
  });

  it('R3 never restarts a temporary child and forgets it', () => {
    for (const reason of [NORMAL, SHUTDOWN, KILLED, CRASH]) {
      const world = booted('a:temporary b');
      world.exit('a', reason);
      expect(world.takeLog()).toBe('');
      expect(world.phases()).toBe('b up');
      expect(told(world, 'remove')).toEqual([{ type: 'remove', id: 'a' }]);
    }
  });

  it('R3 removes a temporary child that is stopped for the restart of a sibling', () => {
    for (const strategy of ['one_for_all', 'rest_for_one'] as const) {
      const world = booted('a b:temporary c', { strategy });
      world.exit('a', CRASH);
      expect(world.takeLog()).toBe('-c -b +a +c');
      expect(world.phases()).toBe('c up, a up');
    }
  });

  it('R4 ignores facts about unknown children and earlier incarnations, and emits stale', () => {
    const world = booted('a');
    const late = { at: 0, random: 0, reason: CRASH };
    world.tell({ type: 'ended', id: 'nobody', generation: 1, ...late });
    world.exit('a', CRASH);
    world.tell({ type: 'ended', id: 'a', generation: 1, ...late });
    world.tell({ type: 'ready', id: 'a', generation: 1, at: 0 });
    world.tell({ type: 'delay-over', sweep: 77, at: 0 });
    expect(world.takeLog()).toBe('+a');
    expect(told(world, 'stale').map(({ id, generation, fact }) => `${fact} of ${id} ${generation}`)).toEqual([
      'ended of nobody 1',
      'ended of a 1',
      'ready of a 1',
    ]);
  });

  it('R8 is restarting between the tries, and retries whatever the reason was', () => {
    for (const restart of ['permanent', 'transient']) {
      const world = booted(`a:${restart}`, { maxRestarts: 9 });
      world.holdAfterFailure = true;
      world.failNext('a', 2);
      world.exit('a', CRASH);
      expect(world.phases()).toBe('a restarting');
      world.advance(0);
      expect(world.phases()).toBe('a restarting');
      world.advance(0);
      expect(world.phases()).toBe('a up');
      expect(world.takeLog()).toBe('+a +a +a');
    }
  });

  it('R8 answers calls between the tries', () => {
    const world = booted('a', { maxRestarts: 9 });
    world.holdAfterFailure = true;
    world.failNext('a');
    world.exit('a', CRASH);
    expect(world.answer(world.command('restart_child', 'a'))).toBe('RESTARTING');
    expect(world.answer(world.command('delete', 'a'))).toBe('RESTARTING');
    expect(world.answer(world.add(family('a').children[0]!))).toBe('ALREADY_PRESENT');
    expect(world.answer(world.command('stop', 'a'))).toBe('ok');
    world.advance(0);
    expect(world.takeLog()).toBe('+a');
    expect(world.phases()).toBe('a down');
  });

  it('R8 stops at once while a child waits for its next try', () => {
    const world = booted('a b', { maxRestarts: 9 });
    world.holdAfterFailure = true;
    world.failNext('a');
    world.exit('a', CRASH);
    world.takeLog();
    world.halt();
    expect(world.takeLog()).toBe('-b');
    expect(world.end()).toBe('shutdown');
    world.advance(1000);
    expect(world.violations).toEqual([]);
  });

  it('R8 doubles the delay from try to try up to its maximum, and resets it after a long enough life', () => {
    const world = booted('a', { otpExact: false, maxRestarts: 9, backoff: NO_JITTER });
    for (let crash = 0; crash < 4; crash++) world.exit('a', CRASH);
    world.advance(1000);
    world.exit('a', CRASH);
    expect(told(world, 'retry').map(({ delay }) => delay)).toEqual([100, 200, 300, 300, 100]);
  });

  it('R8 subtracts the random jitter from the delay and never adds it', () => {
    const world = booted('a', { otpExact: false, backoff: { ...NO_JITTER, jitter: 0.5 } });
    world.random = 0.5;
    world.exit('a', CRASH);
    expect(told(world, 'retry').map(({ delay }) => delay)).toEqual([75]);
  });

  it('R8 permits a start by command of a waiting child, which cancels its delay', () => {
    const world = booted('a', { otpExact: false, backoff: NO_JITTER });
    world.held.add('delay');
    world.exit('a', CRASH);
    expect(world.answer(world.command('start', 'a'))).toBe('ok');
    world.advance(1000);
    expect(world.takeLog()).toBe('+a');
  });
});

import { describe, expect, it } from 'vitest';
import { createSupervision } from '../../src/model/supervision.js';
import { booted, family, pool, worldOf } from './family.js';
import { CRASH, START_FAILED, told, World } from './harness.js';

const NORMAL = { kind: 'normal' } as const;
const NO_JITTER = { initial: 100, factor: 2, max: 300, jitter: 0, resetAfter: 1000 };

describe('the budget', () => {
  it('R5 gives up when the count exceeds the intensity', () => {
    const world = booted('a', { maxRestarts: 2, within: 5000 });
    world.exit('a', CRASH);
    world.exit('a', CRASH);
    expect(world.end()).toBeNull();
    world.exit('a', CRASH);
    expect(world.end()).toBe('shutdown');
  });

  it('R5 gives up at the first restart with intensity 0', () => {
    const world = booted('a', { maxRestarts: 0 });
    world.exit('a', NORMAL);
    expect(world.takeLog()).toBe('');
    expect(world.end()).toBe('shutdown');
  });

  it('R5 counts in whole seconds, the boundary included', () => {
    const ends = (second: number) => {
      const world = booted('a', { maxRestarts: 1, within: 1000 });
      world.exit('a', CRASH);
      world.advance(second);
      world.exit('a', CRASH);
      return world.end();
    };
    expect(ends(1999)).toBe('shutdown');
    expect(ends(2000)).toBeNull();
  });

  it('R5 counts in milliseconds, the boundary included, unless otpExact', () => {
    const ends = (ms: number) => {
      const world = booted('a', { otpExact: false, maxRestarts: 1, within: 1000 });
      world.exit('a', CRASH);
      world.advance(ms);
      world.exit('a', CRASH);
      return world.end();
    };
    expect(ends(1000)).toBe('exhausted');
    expect(ends(1001)).toBeNull();
  });

  it('R5 reports with every retry the number of counted and of remaining restarts', () => {
    const world = booted('a', { maxRestarts: 2 });
    world.exit('a', CRASH);
    world.exit('a', CRASH);
    world.exit('a', CRASH);
    expect(told(world, 'retry')).toMatchObject([
      { id: 'a', restarts: 1, left: 1, delay: 0, reason: CRASH },
      { id: 'a', restarts: 2, left: 0, delay: 0, reason: CRASH },
    ]);
    expect(told(world, 'exhausted')).toMatchObject([{ id: 'a', restarts: 3, within: 5000, reason: CRASH }]);
  });

  it('R6 charges one entry for a restart, however many siblings it includes', () => {
    const world = booted('a b c d e', { strategy: 'one_for_all', maxRestarts: 1 });
    world.exit('c', CRASH);
    expect(world.takeLog()).toBe('-e -d -b -a +a +b +c +d +e');
    expect(world.end()).toBeNull();
    world.exit('a', CRASH);
    expect(world.end()).toBe('shutdown');
  });

  it('R6 charges each failed try to start again', () => {
    const tries = (failures: number) => {
      const world = booted('a', { maxRestarts: 3 });
      world.failNext('a', failures);
      world.exit('a', CRASH);
      return world.end();
    };
    expect(tries(2)).toBeNull();
    expect(tries(3)).toBe('shutdown');
  });

  it('R6 charges nothing for a start or restart by command', () => {
    const world = booted('a', { maxRestarts: 1 });
    for (let round = 0; round < 5; round++) {
      world.command('stop', 'a');
      world.command('restart_child', 'a');
      world.command('restart', 'a');
      world.command('kill', 'a');
      world.command('start', 'a');
    }
    world.exit('a', CRASH);
    expect(world.end()).toBeNull();
    expect(world.phases()).toBe('a up');
  });

  it('R6 keeps the charged restarts at a start by command under otpExact', () => {
    const world = booted('a', { maxRestarts: 1 });
    world.exit('a', CRASH);
    world.command('restart', 'a');
    world.exit('a', CRASH);
    expect(world.end()).toBe('shutdown');
  });

  it('R6 is cleared by each command that starts a child, unless otpExact', () => {
    for (const verb of ['start', 'restart', 'restart_child'] as const) {
      const world = booted('a', { otpExact: false, maxRestarts: 1 });
      world.exit('a', CRASH);
      if (verb !== 'restart') world.command('stop', 'a');
      expect(world.answer(world.command(verb, 'a'))).toBe('ok');
      world.exit('a', CRASH);
      expect(world.end()).toBeNull();
    }
  });

  it('R7 stops the others in reverse and ends with shutdown', () => {
    const world = booted('a b c', { maxRestarts: 0 });
    world.exit('b', CRASH);
    expect(world.takeLog()).toBe('-c -a');
    expect(world.finished).toMatchObject([{ reason: { kind: 'shutdown' }, child: 'b', left: [] }]);
    expect(world.statuses).toEqual(['booting', 'running', 'failing', 'ended']);
  });

  it('R7 is a clean end for the parent of a transient or temporary supervisor, and leads to a restart of a permanent one', () => {
    for (const [restart, log] of Object.entries({ permanent: '+inner', transient: '', temporary: '' })) {
      const inner = booted('a', { maxRestarts: 0 });
      inner.exit('a', CRASH);
      const outer = booted(`inner:${restart}`);
      outer.exit('inner', inner.finished[0]!.reason);
      expect(outer.takeLog()).toBe(log);
    }
  });

  it('R7 ends with the reason exhausted, which is abnormal, unless otpExact', () => {
    const inner = booted('a', { otpExact: false, maxRestarts: 0 });
    inner.exit('a', CRASH);
    expect(inner.finished).toMatchObject([{ reason: { kind: 'exhausted' }, child: 'a' }]);
    const outer = booted('inner:transient');
    outer.exit('inner', inner.finished[0]!.reason);
    expect(outer.takeLog()).toBe('+inner');
  });

  it('R7 leaves one child down and its siblings alive with onExhausted: fail, counted for each child', () => {
    const world = booted('a b', { otpExact: false, onExhausted: 'fail', maxRestarts: 1, backoff: NO_JITTER });
    world.exit('a', CRASH);
    world.exit('b', CRASH);
    world.exit('a', CRASH);
    expect(world.phases()).toBe('b up, a down');
    expect(world.engine.status).toBe('running');
    expect(told(world, 'exhausted')).toMatchObject([{ id: 'a', restarts: 2 }]);
    expect(world.answer(world.command('start', 'a'))).toBe('ok');
  });

  it('R7 stops the siblings that the strategy restarts with the child, with onExhausted: fail', () => {
    const world = booted('a b c', { otpExact: false, onExhausted: 'fail', maxRestarts: 0, strategy: 'rest_for_one' });
    world.exit('b', CRASH);
    expect(world.takeLog()).toBe('-c');
    expect(world.phases()).toBe('c down, b down, a up');
  });

  it('R7 answers callers that wait for a sibling that will not start any more, with onExhausted: fail', () => {
    const options = {
      otpExact: false,
      onExhausted: 'fail',
      maxRestarts: 0,
      strategy: 'one_for_all',
      boot: 'retry',
    } as const;
    const world = worldOf('a b c:temporary', options);
    world.held.add('start');
    world.boot();
    const token = world.command('start', 'b');
    world.failNext('a');
    world.pay('start', 'a');
    expect(world.answer(token)).toBe('EXHAUSTED');
    expect(world.phases()).toBe('b down, a down');
  });

  it('R7 makes one try after a pause with onExhausted: cooldown, and pauses again when it fails', () => {
    const world = booted('a b', { otpExact: false, onExhausted: 'cooldown', cooldown: 5000, maxRestarts: 0 });
    world.held.add('delay');
    world.exit('a', CRASH);
    world.advance(4999);
    expect(world.takeLog()).toBe('');
    world.failNext('a');
    world.advance(1);
    expect(world.takeLog()).toBe('+a');
    world.advance(4999);
    expect(world.phases()).toBe('b up, a restarting');
    world.advance(1);
    expect(world.phases()).toBe('b up, a up');
  });

  it('R7 lets a pool give up only after its boot, and not if the instance was stopped meanwhile', () => {
    for (const stopped of [false, true]) {
      const world = new World(pool({ size: 2, maxRestarts: 0 }));
      world.held.add('start');
      world.boot();
      world.pay('start', '1');
      world.exit('1', CRASH);
      if (stopped) world.command('stop', '1');
      expect([world.engine.status, told(world, 'exhausted')]).toEqual(['booting', []]);
      world.pay('start', '2');
      expect(world.statuses.slice(0, 2)).toEqual(['booting', 'running']);
      for (const debt of world.debts.splice(0)) debt.pay();
      expect(world.end()).toBe(stopped ? null : 'shutdown');
    }
  });

  it('R10 multiplies along the path: with 2 under 3 the top gives up at the twelfth crash', () => {
    let crashes = 0;
    const top = new World(createSupervision(family('inner', { maxRestarts: 3 }))).boot();
    while (top.end() === null) {
      const inner = booted('leaf', { maxRestarts: 2 });
      for (; inner.end() === null; crashes++) inner.exit('leaf', CRASH);
      top.exit('inner', inner.finished[0]!.reason);
    }
    expect(crashes).toBe((2 + 1) * (3 + 1));
  });

  it('R10 charges the failed restart of a supervisor to its parent, like every failed start', () => {
    const top = booted('inner', { maxRestarts: 1 });
    top.held.add('start');
    top.exit('inner', CRASH);
    top.exit('inner', START_FAILED);
    expect(top.end()).toBe('shutdown');
  });
});

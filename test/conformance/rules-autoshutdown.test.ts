import { describe, expect, it } from 'vitest';
import type { Reason } from '../../src/model/reason.js';
import { booted } from './family.js';
import { CRASH } from './harness.js';

const NORMAL: Reason = { kind: 'normal' };

describe('automatic shutdown', () => {
  it('U1 any_significant: stops in reverse when a significant transient child ends normally', () => {
    for (const reason of [NORMAL, { kind: 'shutdown' }] as const) {
      const world = booted('a b:transient! c:transient!', { autoShutdown: 'any_significant' });
      world.exit('b', reason);
      expect(world.takeLog()).toBe('-c -a');
      expect(world.finished).toMatchObject([{ reason: { kind: 'shutdown' }, left: [] }]);
      expect(world.statuses.slice(-2)).toEqual(['stopping', 'ended']);
    }
  });

  it('U1 any_significant: stops when a significant temporary child ends in any way', () => {
    for (const reason of [NORMAL, { kind: 'shutdown' }, { kind: 'killed' }, CRASH] as const) {
      const world = booted('a b:temporary!', { autoShutdown: 'any_significant' });
      world.exit('b', reason);
      expect(world.takeLog()).toBe('-a');
      expect(world.end()).toBe('shutdown');
    }
  });

  it('U2 all_significant: stops when the last significant child ends', () => {
    const world = booted('a b:transient! c:temporary!', { autoShutdown: 'all_significant' });
    world.exit('c', CRASH);
    expect(world.end()).toBeNull();
    world.exit('b', NORMAL);
    expect(world.takeLog()).toBe('-a');
    expect(world.end()).toBe('shutdown');
  });

  it('U2 all_significant: children stopped by command do not count', () => {
    const world = booted('a b:transient! c:transient!', { autoShutdown: 'all_significant' });
    world.command('stop', 'b');
    expect(world.end()).toBeNull();
    world.exit('c', NORMAL);
    expect(world.end()).toBe('shutdown');
  });

  it('U2 all_significant: a child that waits for its restart counts as running', () => {
    const world = booted('b:transient! c:transient!', { autoShutdown: 'all_significant' });
    world.held.add('delay');
    world.exit('b', CRASH);
    world.exit('c', NORMAL);
    expect(world.end()).toBeNull();
    world.advance(0);
    world.exit('b', NORMAL);
    expect(world.end()).toBe('shutdown');
  });

  for (const autoShutdown of ['any_significant', 'all_significant'] as const) {
    it(`U3 ${autoShutdown}: not by the crash of a transient child, which is restarted`, () => {
      const world = booted('a:transient!', { autoShutdown });
      world.exit('a', CRASH);
      expect(world.takeLog()).toBe('+a');
      expect(world.end()).toBeNull();
    });

    it(`U3 ${autoShutdown}: not by a stop by command`, () => {
      for (const restart of ['transient', 'temporary']) {
        const world = booted(`a:${restart}! b`, { autoShutdown });
        world.command('stop', 'a');
        expect(world.end()).toBeNull();
      }
    });

    it(`U3 ${autoShutdown}: not by the exit of a child while a stop of it by command is under way`, () => {
      const world = booted('a:temporary! b', { autoShutdown });
      world.held.add('stop');
      world.command('stop', 'a');
      world.exit('a', NORMAL);
      expect(world.end()).toBeNull();
    });

    it(`U3 ${autoShutdown}: not by the stop of a child for the restart of a sibling`, () => {
      for (const strategy of ['one_for_all', 'rest_for_one'] as const) {
        const world = booted('a b:temporary! c:transient!', { autoShutdown, strategy });
        world.exit('a', CRASH);
        expect(world.takeLog()).toBe('-c -b +a +c');
        expect(world.end()).toBeNull();
      }
    });

    it(`U3 ${autoShutdown}: not by the end of a child that is not significant`, () => {
      const world = booted('a:temporary b:transient c:transient!', { autoShutdown });
      world.exit('a', NORMAL);
      world.exit('b', NORMAL);
      expect(world.end()).toBeNull();
    });
  }

  it('U3 never: by no end', () => {
    const world = booted('a:temporary! b:transient!', { autoShutdown: 'never' });
    world.exit('a', NORMAL);
    world.exit('b', NORMAL);
    expect(world.end()).toBeNull();
  });

  it('U4 cascades: the automatic shutdown of a supervisor is a normal end for its parent', () => {
    const inner = booted('worker:transient!', { autoShutdown: 'any_significant' });
    inner.exit('worker', NORMAL);
    const { reason } = inner.finished[0]!;
    const significant = booted('inner:transient! b', { autoShutdown: 'any_significant' });
    significant.exit('inner', reason);
    expect(significant.end()).toBe('shutdown');
    const insignificant = booted('inner:transient b', { autoShutdown: 'any_significant' });
    insignificant.exit('inner', reason);
    expect(insignificant.end()).toBeNull();
    expect(insignificant.phases()).toBe('b up, inner down');
  });

  it('U5 uses up the budget of the parent when the supervisor is a permanent child, hence the warning', () => {
    const parent = booted('inner', { maxRestarts: 3 });
    let rounds = 0;
    for (; parent.end() === null; rounds++) {
      const inner = booted('worker:transient!', { autoShutdown: 'any_significant' });
      inner.exit('worker', NORMAL);
      parent.exit('inner', inner.finished[0]!.reason);
    }
    expect(rounds).toBe(4);
  });
});

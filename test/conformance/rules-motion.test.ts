import { describe, expect, it } from 'vitest';
import { child, worldOf } from './family.js';
import { CRASH, type World } from './harness.js';

/*
 * Ends and calls that come while children start or restart: an OTP supervisor reads them afterwards, in the order in which they came.
 * The starts of these worlds are over when the test says so. histories.ts does the same at random.
 */

function slow(children: string, options: Parameters<typeof worldOf>[1] = {}): World {
  const world = worldOf(children, options);
  world.held.add('start');
  return world.boot();
}

const NORMAL = { kind: 'normal' } as const;

describe('an end while the supervisor boots', () => {
  it.each(['one_for_one', 'one_for_all', 'rest_for_one'] as const)(
    'waits until the last child is ready (%s)',
    (strategy) => {
      const world = slow('a b c', { strategy });
      world.pay('start', 'a');
      world.exit('a', CRASH);
      expect(world.takeLog()).toBe('+a +b');
      world.pay('start', 'b');
      expect(world.statuses).toEqual(['booting']);
      world.pay('start', 'c');
      expect(world.statuses).toEqual(['booting', 'running']);
      const restart = { one_for_one: '+a', one_for_all: '-c -b +a', rest_for_one: '-c -b +a' };
      expect(world.takeLog()).toBe(`+c ${restart[strategy]}`);
    },
  );

  it('lets a failed start end the boot', () => {
    const world = slow('a b', { strategy: 'one_for_all' });
    world.pay('start', 'a');
    world.exit('a', CRASH);
    world.failNext('b');
    world.pay('start', 'b');
    expect(world.end()).toBe('start-failed');
    expect(world.finished[0]?.child).toBe('b');
  });

  it('ends the supervisor only after all other children have started (all_significant)', () => {
    const world = slow('a:transient! m b:transient!', { autoShutdown: 'all_significant' });
    world.pay('start', 'a');
    world.exit('a', NORMAL);
    world.pay('start', 'm');
    world.pay('start', 'b');
    expect(world.engine.status).toBe('running');
    world.exit('b', NORMAL);
    expect(world.end()).toBe('shutdown');
  });

  it('counts a child whose end is still in the mailbox as running (all_significant)', () => {
    const world = slow('a:temporary! b:transient! c', { strategy: 'one_for_all', autoShutdown: 'all_significant' });
    for (const id of ['a', 'b']) world.pay('start', id);
    world.exit('a', NORMAL);
    world.exit('b', CRASH);
    world.pay('start', 'c');
    expect(world.end()).toBeNull();
    expect(world.takeLog()).toBe('+a +b +c -c +b');
  });

  it('ends the supervisor after the boot, so that the boot has succeeded (any_significant, and the intensity)', () => {
    for (const options of [{ autoShutdown: 'any_significant' as const }, { maxRestarts: 0 }]) {
      const world = slow('job:transient! slow', options);
      world.pay('start', 'job');
      world.exit('job', 'maxRestarts' in options ? CRASH : NORMAL);
      expect(world.engine.status).toBe('booting');
      world.pay('start', 'slow');
      expect(world.statuses.slice(0, 2)).toEqual(['booting', 'running']);
      expect(world.end()).toBe('shutdown');
    }
  });

  it('stops and removes a temporary sibling that was started after it', () => {
    const world = slow('a b c:temporary', { strategy: 'one_for_all' });
    world.pay('start', 'a');
    world.exit('a', CRASH);
    for (const id of ['b', 'c']) world.pay('start', id);
    expect(world.takeLog()).toBe('+a +b +c -c -b +a');
    expect(world.engine.row('c')).toBeUndefined();
  });

  it('is void when the restart for another end covers the child', () => {
    const world = slow('a b c', { strategy: 'one_for_all', maxRestarts: 1 });
    for (const id of ['a', 'b']) world.pay('start', id);
    world.exit('b', CRASH);
    world.exit('a', CRASH);
    world.pay('start', 'c');
    expect(world.takeLog()).toBe('+a +b +c -c +a');
    for (const id of ['a', 'b', 'c']) world.pay('start', id);
    expect(world.phases()).toBe('c up, b up, a up');
  });
});

describe('a temporary child that is forgotten when its siblings are restarted', () => {
  it('removes none of the later siblings from the restart (T2, T6)', () => {
    const world = slow('a b:temporary c d', { strategy: 'one_for_all' });
    for (const id of ['a', 'b', 'c']) world.pay('start', id);
    world.exit('a', CRASH);
    world.exit('b', CRASH);
    world.takeLog();
    world.pay('start', 'd');
    expect(world.takeLog()).toBe('-d -c +a');
    for (const id of ['a', 'c', 'd']) world.pay('start', id);
    expect(world.phases()).toBe('d up, c up, a up');
  });
});

describe('a call while children start or restart', () => {
  it('adds a child after the restart that is under way', () => {
    const world = slow('a b', { strategy: 'rest_for_one' });
    for (const id of ['a', 'b']) world.pay('start', id);
    world.exit('a', CRASH);
    const token = world.add(child('c'));
    expect(world.takeLog()).toBe('+a +b -b +a');
    world.pay('start', 'a');
    world.pay('start', 'b');
    expect(world.takeLog()).toBe('+b +c');
    world.pay('start', 'c');
    expect(world.answer(token)).toBe('ok');
  });

  it('adds a child after a restart that was decided before (one_for_one)', () => {
    const world = slow('b e');
    world.pay('start', 'b');
    world.exit('b', CRASH);
    world.add(child('a'));
    world.pay('start', 'e');
    expect(world.takeLog()).toBe('+b +e +b +a');
  });

  it('is answered between the tries of a failed restart, and the next try includes an added child', () => {
    const world = slow('c', { strategy: 'rest_for_one', maxRestarts: 3 });
    world.pay('start', 'c');
    world.holdAfterFailure = true;
    world.failNext('c');
    world.exit('c', CRASH);
    world.pay('start', 'c');
    const token = world.add(child('d'));
    world.pay('start', 'd');
    expect(world.answer(token)).toBe('ok');
    world.takeLog();
    world.pay('delay');
    expect(world.takeLog()).toBe('-d +c');
    world.pay('start', 'c');
    expect(world.takeLog()).toBe('+d');
  });

  it('is answered while a backoff runs', () => {
    const world = slow('c', { strategy: 'rest_for_one', otpExact: false });
    world.pay('start', 'c');
    world.held.add('delay');
    world.exit('c', CRASH);
    world.add(child('d'));
    world.pay('start', 'd');
    expect(world.takeLog()).toBe('+c +d');
    world.pay('delay');
    expect(world.takeLog()).toBe('-d +c');
  });

  it('begins all due restarts before it, and waits for none of them (one_for_one)', () => {
    const world = slow('a b c', { maxRestarts: 9 });
    for (const id of ['a', 'b', 'c']) world.pay('start', id);
    world.held.add('delay');
    for (const id of ['a', 'b', 'c']) world.exit(id, CRASH);
    world.takeLog();
    world.add(child('d'));
    expect(world.takeLog()).toBe('+a +b +c +d');
    while (world.debts.some(({ kind }) => kind === 'delay')) world.pay('delay');
    expect(world.takeLog()).toBe('');
  });

  it('reads the end of a child before a call about it', () => {
    const world = slow('a:temporary b');
    world.pay('start', 'a');
    world.exit('a', CRASH);
    const stop = world.command('stop', 'a');
    expect(world.answer(stop)).toBe('pending');
    world.pay('start', 'b');
    expect(world.answer(stop)).toBe('NOT_FOUND');
  });

  it('supersedes waiting starts when it is a stop', () => {
    const world = slow('a b', { strategy: 'rest_for_one' });
    for (const id of ['a', 'b']) world.pay('start', id);
    world.command('stop', 'b');
    world.add(child('c'));
    const start = world.command('restart_child', 'b');
    expect(world.answer(start)).toBe('pending');
    const stop = world.command('stop', 'b');
    expect([world.answer(start), world.answer(stop)]).toEqual(['SUPERSEDED', 'ok']);
  });

  it('is handled after an earlier stop that waits', () => {
    const world = slow('a');
    const add = world.add(child('e'));
    const calls = (['stop', 'stop', 'restart_child', 'stop'] as const).map((verb) => world.command(verb, 'e'));
    world.command('stop', 'a');
    expect(world.takeLog()).toBe('+a -a +e -e +e -e');
    expect([add, ...calls].map((token) => world.answer(token))).toEqual(['SUPERSEDED', 'ok', 'ok', 'SUPERSEDED', 'ok']);
  });

  it('is handled when the earlier stop is over: a temporary child is removed by then', () => {
    const world = slow('a');
    const calls = [world.add(child('e:temporary')), world.command('stop', 'e'), world.command('stop', 'e')];
    world.pay('start', 'a');
    expect(calls.map((token) => world.answer(token))).toEqual(['SUPERSEDED', 'ok', 'NOT_FOUND']);
  });

  it('adds a temporary child anew when the earlier stop of it is over (A1)', () => {
    const world = slow('a');
    world.held.add('stop');
    const calls = [world.add(child('e:temporary')), world.command('stop', 'e'), world.add(child('e:temporary'))];
    world.pay('start', 'a');
    expect(calls.map((token) => world.answer(token))).toEqual(['SUPERSEDED', 'pending', 'pending']);
    world.pay('stop', 'e');
    world.pay('start', 'e');
    expect(calls.map((token) => world.answer(token))).toEqual(['SUPERSEDED', 'ok', 'ok']);
    expect(world.takeLog()).toBe('+a +e -e +e');
  });

  it('starts the siblings of a failed restart whose child was stopped before its next try was decided', () => {
    const world = slow('a b c', { strategy: 'one_for_all', maxRestarts: 9 });
    for (const id of ['a', 'b', 'c']) world.pay('start', id);
    world.exit('a', CRASH);
    world.pay('start', 'a');
    world.add(child('d'));
    world.failNext('b');
    world.pay('start', 'b');
    world.command('stop', 'b');
    world.takeLog();
    world.pay('start', 'd');
    world.pay('start', 'a');
    expect(world.takeLog()).toBe('+a +c');
  });

  it('is answered when the supervisor ends instead', () => {
    const world = slow('a b');
    const add = world.add(child('c'));
    world.halt();
    expect(world.answer(add)).toBe('SUPERSEDED');
    expect(world.log).not.toContain('+c');
  });

  it('stops a child without waiting for the starts of others', () => {
    const world = slow('a b c', { strategy: 'one_for_all' });
    world.pay('start', 'a');
    for (const id of ['b', 'a', 'c']) expect(world.answer(world.command('stop', id))).toBe('ok');
    expect(world.takeLog()).toBe('+a +b -b +c -a -c');
    expect(world.engine.status).toBe('running');
  });
});

describe('a call that came before an end of its child', () => {
  /** `a` ends during the boot and is called; it is restarted and ends again before the call is read. */
  function endAgain(call: (world: World) => number): { world: World; answer: () => string } {
    const world = slow('a b', { strategy: 'rest_for_one', maxRestarts: 9 });
    world.pay('start', 'a');
    world.exit('a', CRASH);
    const token = call(world);
    for (const id of ['b', 'a']) world.pay('start', id);
    world.exit('a', CRASH);
    world.takeLog();
    world.pay('start', 'b');
    return { world, answer: () => world.answer(token) };
  }

  it.each(['stop', 'kill'] as const)('makes the end void if it is a %s (A2, P6)', (verb) => {
    const { world, answer } = endAgain((called) => called.command(verb, 'a'));
    expect([answer(), world.takeLog(), world.phases()]).toEqual(['ok', '', 'b up, a down']);
  });

  it.each(['restart_child', 'delete'] as const)(
    'is answered as for a child that runs if it is a %s (A3, A4)',
    (verb) => {
      const { world, answer } = endAgain((called) => called.command(verb, 'a'));
      expect([answer(), world.takeLog(), world.violations]).toEqual(['RUNNING', '-b +a', []]);
    },
  );

  it('is answered as for a child that runs if it is an addition or a start (A1)', () => {
    expect(endAgain((called) => called.add(child('a'))).answer()).toBe('ALREADY_STARTED');
    const { world, answer } = endAgain((called) => called.command('start', 'a'));
    expect([answer(), world.takeLog(), world.violations]).toEqual(['ok', '-b +a', []]);
  });

  it('starts the child without its siblings if it is a restart, which makes the end void', () => {
    const { world, answer } = endAgain((called) => called.command('restart', 'a'));
    world.pay('start', 'a');
    expect([answer(), world.takeLog(), world.phases()]).toEqual(['ok', '+a', 'b up, a up']);
  });
});

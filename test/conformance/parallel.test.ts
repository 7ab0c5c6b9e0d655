import { describe, expect, it } from 'vitest';
import type { SupervisorInput } from '../../src/model/input.js';
import { normaliseSupervisor } from '../../src/model/normalise.js';
import { problemText } from '../../src/model/problem.js';
import type { RestartType } from '../../src/model/spec.js';
import { createSupervision } from '../../src/model/supervision.js';
import { validate } from '../../src/model/validate.js';
import { child } from './family.js';
import { CRASH, told, World } from './harness.js';

/* `start: 'parallel'` and `after`. The starts of these worlds are over when the test says so. */

type Options = Omit<Partial<SupervisorInput>, 'children'>;

/** `web:transient!<db,mail`: web comes after db and mail; `!` for significant. If restart is not given, permanent. */
function children(text: string) {
  return text.split(' ').map((part) => {
    const [name = '', after] = part.split('<');
    const [id = '', restart] = name.replace('!', '').split(':');
    const rules = { ...(restart && { restart: restart as RestartType }), significant: name.endsWith('!') };
    return { id, command: ['true'], ...rules, ...(after && { after: after.split(',') }) };
  });
}

function slow(text: string, options: Options = {}): World {
  const input = { otpExact: true, start: 'parallel', ...options, children: children(text) } as const;
  expect(validate(input)).toEqual([]);
  const world = new World(createSupervision(normaliseSupervisor(input)));
  world.held.add('start');
  return world.boot();
}

describe('children that start in parallel', () => {
  it('start together, except children with `after`', () => {
    const world = slow('web<db,cache db cache mail');
    expect(world.takeLog()).toBe('+db +cache +mail');
    expect(told(world, 'waiting')).toEqual([{ type: 'waiting', id: 'web', for: ['db', 'cache'] }]);
    world.pay('start', 'db');
    expect(world.takeLog()).toBe('');
    world.pay('start', 'cache');
    expect(world.takeLog()).toBe('+web');
    world.pay('start', 'mail');
    expect(world.engine.status).toBe('booting');
    world.pay('start', 'web');
    expect(world.engine.status).toBe('running');
  });

  it('start at most 64 at once, until all of thousands are up', () => {
    const world = slow(Array.from({ length: 2_000 }, (_, i) => `a${i}`).join(' '));
    expect(world.takeLog().split(' ')).toHaveLength(64);
    while (world.debts.length > 0) world.pay('start');
    expect(world.engine.status).toBe('running');
    expect(world.engine.count().active).toBe(2_000);
  });

  it('stop in the reverse order, one after another', () => {
    const world = slow('web<db db mail<web');
    for (const id of ['db', 'web', 'mail']) world.pay('start', id);
    world.takeLog();
    world.halt();
    expect(world.takeLog()).toBe('-mail -web -db');
  });

  it('are restarted while others still boot', () => {
    const world = slow('a b');
    world.pay('start', 'a');
    world.exit('a', CRASH);
    expect(world.takeLog()).toBe('+a +b +a');
  });

  it('end their supervisor only after its boot', () => {
    const world = slow('a b', { maxRestarts: 0 });
    world.pay('start', 'a');
    world.exit('a', CRASH);
    expect(world.engine.status).toBe('booting');
    world.pay('start', 'b');
    expect(world.statuses.slice(0, 2)).toEqual(['booting', 'running']);
    expect(world.end()).toBe('shutdown');
  });

  it('fail the boot when one of them cannot start', () => {
    const world = slow('a b');
    world.failNext('a');
    world.pay('start', 'a');
    expect([world.end(), world.finished[0]?.child]).toEqual(['start-failed', 'a']);
  });

  it('do not delay the end of the boot while one is retried; its dependents keep waiting', () => {
    const world = slow('web<db db mail', { boot: 'retry', maxRestarts: 5 });
    world.holdAfterFailure = true;
    world.failNext('db');
    for (const id of ['db', 'mail']) world.pay('start', id);
    expect(world.engine.status).toBe('running');
    world.pay('delay');
    world.takeLog();
    world.pay('start', 'db');
    expect(world.takeLog()).toBe('+web');
  });

  it('stop waiting for a deleted sibling, and do not wait when they are stopped or started by command', () => {
    const world = slow('web<db cli<db job<db db');
    world.command('stop', 'job');
    world.command('stop', 'db');
    world.takeLog();
    world.command('delete', 'db');
    expect(world.takeLog()).toBe('+web +cli');
  });

  it('S2 do not fail their supervisor by a first start after its boot, which follows R8', () => {
    const world = slow('web<db db mail');
    world.command('stop', 'db');
    world.pay('start', 'mail');
    expect(world.engine.status).toBe('running');
    world.debts = [];
    world.command('restart_child', 'db');
    world.pay('start', 'db');
    world.takeLog();
    world.failNext('web');
    world.pay('start', 'web');
    expect([world.takeLog(), world.engine.status]).toEqual(['+web', 'running']);
  });

  it('S7 do not delay the boot by one that a call has stopped', () => {
    const world = slow('a b');
    world.held.add('stop');
    world.command('stop', 'a');
    world.pay('start', 'b');
    expect([world.phases(), world.engine.status]).toEqual(['b up, a stopping', 'running']);
  });

  it('S7 delay the boot again when they may start because a sibling is gone', () => {
    const world = slow('slow a:temporary<slow b<a');
    world.command('stop', 'a');
    expect(world.takeLog()).toBe('+slow +b');
    world.pay('start', 'slow');
    expect(world.engine.status).toBe('booting');
    world.pay('start', 'b');
    expect(world.engine.status).toBe('running');
  });

  it('U2 keep their supervisor up while a significant one is to come', () => {
    const options = { boot: 'retry', autoShutdown: 'all_significant' } as const;
    const world = slow('job:transient! db web:transient!<db', options);
    world.holdAfterFailure = true;
    world.failNext('db');
    for (const id of ['db', 'job']) world.pay('start', id);
    world.exit('job', { kind: 'normal' });
    expect(world.engine.status).toBe('running');
  });

  it('P8 answer the caller whose child waits for a sibling as soon as the stop begins', () => {
    const world = slow('slow');
    world.held.add('stop');
    const token = world.add({ ...child('bound'), after: ['slow'] });
    world.add(child('free'));
    world.halt();
    expect(world.answer(token)).toBe('SUPERSEDED');
  });

  it('start an added child at once, unless a sibling in its `after` is not ready', () => {
    const world = slow('slow');
    world.add(child('free'));
    world.add({ ...child('bound'), after: ['slow'] });
    expect(world.takeLog()).toBe('+slow +free');
    world.pay('start', 'slow');
    expect(world.takeLog()).toBe('+bound');
  });
});

describe('children that start in sequence', () => {
  it('S1 keep the given order with `after`', () => {
    const world = slow('a b<a c', { start: 'sequence' });
    for (const id of ['a', 'b', 'c']) world.pay('start', id);
    expect(world.takeLog()).toBe('+a +b +c');
  });

  it('show an added child the siblings that it waits for', () => {
    const world = slow('a b', { start: 'sequence' });
    world.add(child('c'));
    expect(told(world, 'waiting')).toEqual([{ type: 'waiting', id: 'c', for: ['a'] }]);
  });
});

describe('the rules of after', () => {
  it.each([
    ['a<a', 'children[0].after[0] must not be its own id, got "a"'],
    ['a<b', 'children[0].after[0] must be the id of a sibling, got "b"'],
    ['a<b b<c c<a d<a', 'children[0].after must not form a circle: a, b, c, a'],
  ])('refuses %s', (text, problem) => {
    const problems = validate({ start: 'parallel', children: children(text) });
    expect(problems.map(problemText)).toEqual([problem]);
  });

  it('accepts, in a start in sequence, only earlier siblings', () => {
    expect(validate({ children: children('a b<a') })).toEqual([]);
    expect(validate({ children: children('b<a a') }).map(problemText)).toEqual([
      'children[0].after[0] must stand before it, because children start in sequence, got "a"',
    ]);
  });

  it('refuses a parallel start under strategies that restart siblings together', () => {
    const problems = validate({ start: 'parallel', strategy: 'one_for_all', children: [] });
    expect(problems.map(({ path }) => path)).toEqual(['start']);
  });

  it('handles a chain of ten thousand children fast', () => {
    const chain = Array.from({ length: 10_000 }, (_, i) => (i === 9_999 ? `a${i}` : `a${i}<a${i + 1}`)).join(' ');
    const input = { start: 'parallel', children: children(chain) } as const;
    expect(validate(input)).toEqual([]);
    const [first, second] = [...new World(createSupervision(normaliseSupervisor(input))).boot().log];
    expect([first, second]).toEqual(['+a9999', '+a9998']);
  });
});

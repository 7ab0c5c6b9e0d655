import { describe, expect, it } from 'vitest';
import type { ChildPast, Earlier } from '../../src/model/earlier.js';
import { normalisePool } from '../../src/model/normalise.js';
import { createPool } from '../../src/model/pool.js';
import { createSupervision } from '../../src/model/supervision.js';
import { child, family } from './family.js';
import { CRASH, World } from './harness.js';

const UP: ChildPast = {
  isWanted: true,
  isResting: false,
  stamps: [],
  streak: 0,
  readyAt: null,
  isHalfOpen: false,
  planned: null,
};
const STOPPED: ChildPast = { ...UP, isWanted: false, isResting: true };
const ENDED: ChildPast = { ...UP, isResting: true };

function earlier(children: Record<string, ChildPast>, rest: Partial<Earlier> = {}): Earlier {
  return { added: [], instances: [], stamps: [], child: (id) => children[id], isKept: () => false, ...rest };
}

describe('a supervisor whose program was started again', () => {
  it.each(['sequence', 'parallel'] as const)('starts what was up and leaves down what was down (%s)', (start) => {
    const spec = family('a b c', { start });
    const engine = createSupervision(spec, () => 4, earlier({ a: UP, b: STOPPED, c: ENDED }, { added: [child('d')] }));
    const world = new World(engine).boot();
    expect(world.log).toEqual(['+a', '+d']);
    expect(engine.status).toBe('running');
    expect(engine.which().map(({ id, phase, generation }) => [id, phase, generation])).toEqual([
      ['d', 'up', 5],
      ['c', 'down', 4],
      ['b', 'down', 4],
      ['a', 'up', 5],
    ]);
  });

  it('keeps the commands: a sibling that ended may be restarted with the others, a stopped one is not', () => {
    const spec = family('a b c', { strategy: 'one_for_all' });
    const world = new World(createSupervision(spec, () => 1, earlier({ a: UP, b: STOPPED, c: UP }))).boot();
    world.takeLog();
    world.exit('a', CRASH);
    expect(world.takeLog()).toBe('-c +a +c');
  });

  it('goes on with the budget of the earlier program', () => {
    const spec = family('a', { maxRestarts: 2, within: 10_000, onExhausted: 'fail' });
    const world = new World(createSupervision(spec, () => 3, earlier({ a: { ...UP, stamps: [-10, -20] } }))).boot();
    world.exit('a', CRASH);
    expect(world.effects).toContainEqual(expect.objectContaining({ type: 'exhausted', id: 'a', restarts: 3 }));
    const shared = family('a', { maxRestarts: 2, within: 10_000 });
    const second = new World(createSupervision(shared, () => 3, earlier({ a: UP }, { stamps: [-10, -20] }))).boot();
    second.exit('a', CRASH);
    expect(second.engine.status).toBe('ended');
  });

  it('does not wait for a sibling before the start of a child that was started before', () => {
    const [a, b] = family('a b').children;
    const spec = { ...family(''), start: 'parallel' as const, children: [a!, { ...b!, after: ['a'] }] };
    const world = new World(createSupervision(spec, () => 1, earlier({ a: STOPPED, b: UP }))).boot();
    expect(world.log).toEqual(['+b']);
  });

  it('begins anew when it is restarted itself', () => {
    const engine = createSupervision(family('a b'), () => 1, earlier({ a: STOPPED, b: UP }));
    expect(new World(engine).boot().log).toEqual(['+b']);
    expect(new World(createSupervision(family('a b'), () => 1)).boot().log).toEqual(['+a', '+b']);
  });

  it.each(['sequence', 'parallel'] as const)('restarts a child when the rest of its delay is over (%s)', (start) => {
    const planned = { at: 400, delay: 1000, reason: CRASH };
    const spec = family('a b', { start, maxRestarts: 5, within: 10_000, onExhausted: 'fail' });
    const given = earlier({ a: { ...UP, stamps: [-600], streak: 2, planned }, b: UP });
    const world = new World(createSupervision(spec, () => 1, given));
    world.held.add('delay');
    world.boot();
    expect(world.log).toEqual(['+b']);
    expect(world.engine.status).toBe('running');
    expect(world.effects).toContainEqual({ type: 'retry', id: 'a', delay: 400, restarts: 1, left: 4, reason: CRASH });
    expect(world.engine.past('a')).toMatchObject({ planned, isResting: false, streak: 2 });
    world.debts[0]!.pay();
    expect(world.log).toEqual(['+b', '+a']);
  });

  it('waits no longer than was planned when the wall clock was set back, and not at all for what runs on', () => {
    const planned = { at: 9_000_000, delay: 1000, reason: CRASH };
    const back = new World(createSupervision(family('a'), () => 1, earlier({ a: { ...UP, planned } })));
    back.held.add('delay');
    expect(back.boot().effects).toContainEqual(expect.objectContaining({ type: 'retry', delay: 1000 }));
    const kept = earlier({ a: { ...UP, planned } }, { isKept: () => true });
    expect(new World(createSupervision(family('a'), () => 1, kept)).boot().log).toEqual(['+a']);
    const late = earlier({ a: { ...UP, planned: { ...planned, at: -1 } } });
    expect(new World(createSupervision(family('a'), () => 1, late)).boot().log).toEqual(['+a']);
  });

  it('holds the stopped siblings as well, and restarts those that run on when the delay is over', () => {
    const planned = { at: 400, delay: 1000, reason: CRASH };
    const spec = family('a b c', { strategy: 'one_for_all', maxRestarts: 5, within: 10_000 });
    const given = earlier({ a: UP, b: { ...UP, planned }, c: UP }, { isKept: (id) => id === 'c' });
    const world = new World(createSupervision(spec, () => 1, given));
    world.held.add('delay');
    world.boot();
    expect(world.takeLog()).toBe('+c');
    world.debts[0]!.pay();
    expect(world.takeLog()).toBe('-c +a +b +c');
  });

  it('counts the time for which a child was ready before for its backoff, and remembers its last attempt', () => {
    const backoff = { initial: 100, factor: 2, max: 1000, jitter: 0, resetAfter: 5000 };
    const spec = family('a b', { maxRestarts: 9, within: 60_000, onExhausted: 'fail', otpExact: false, backoff });
    const given = earlier({ a: { ...UP, streak: 3, readyAt: -5000 }, b: { ...UP, streak: 1, isHalfOpen: true } });
    const world = new World(createSupervision(spec, () => 1, given)).boot();
    world.held.add('delay');
    for (const id of ['a', 'b']) world.exit(id, CRASH);
    expect(world.effects).toContainEqual(expect.objectContaining({ type: 'retry', id: 'a', delay: 100 }));
    expect(world.effects).toContainEqual(expect.objectContaining({ type: 'exhausted', id: 'b' }));
  });

  it('stays ended, with its children, until it is started', () => {
    const end = { reason: CRASH, child: 'a', left: [] };
    const engine = createSupervision(family('a b'), () => 1, earlier({ a: UP, b: UP }, { added: [child('d')] }));
    const world = new World(engine);
    world.tell({ type: 'rest', end });
    expect(world.log).toEqual([]);
    expect(engine.status).toBe('ended');
    expect(engine.which().map(({ id, phase }) => [id, phase])).toEqual([
      ['d', 'down'],
      ['b', 'down'],
      ['a', 'down'],
    ]);
    expect(world.finished).toEqual([]);
  });

  it('hands on what it was given', () => {
    const past = { ...UP, stamps: [-10], streak: 3 };
    const engine = createSupervision(family('a b', { maxRestarts: 5 }), () => 1, earlier({ a: past, b: STOPPED }));
    new World(engine).boot();
    expect([engine.past('a'), engine.past('b')]).toEqual([{ ...past, readyAt: 0 }, STOPPED]);
    expect(engine.past('none')).toBeUndefined();
  });
});

describe('a pool whose program was started again', () => {
  const spec = normalisePool({ id: 'pool', pool: { agent: { command: ['true'] }, size: 3 } });

  it('starts the instances that it had, and as many more as its size asks for', () => {
    const engine = createPool(spec, () => 2, 0, earlier({ 5: UP, 7: { ...UP, streak: 2 } }, { instances: ['5', '7'] }));
    const world = new World(engine).boot();
    expect(world.log).toEqual(['+5', '+7', '+8']);
    expect(engine.past('7')).toEqual({ ...UP, streak: 2, readyAt: 0 });
    world.tell({ type: 'ended', id: '5', generation: 3, at: 1, random: 0, reason: CRASH });
    expect(engine.past('5')).toMatchObject({ isWanted: true, isResting: false, streak: 1 });
  });

  it('restarts an instance when the rest of its delay is over, and leaves down one whose budget is used up', () => {
    const planned = { at: 400, delay: 1000, reason: CRASH };
    const given = earlier({ 5: { ...UP, planned }, 6: ENDED, 7: UP }, { instances: ['5', '6', '7'] });
    const world = new World(createPool(spec, () => 2, 0, given));
    world.held.add('delay');
    world.boot();
    expect(world.log).toEqual(['+7']);
    expect(world.engine.status).toBe('running');
    expect(world.engine.past('5')).toMatchObject({ planned });
    world.debts[0]!.pay();
    expect(world.log).toEqual(['+7', '+5']);
  });

  it('stays ended until it is started', () => {
    const engine = createPool(spec, () => 2, 0, earlier({ 5: ENDED, 6: ENDED }, { instances: ['5', '6'] }));
    const world = new World(engine);
    world.tell({ type: 'rest', end: { reason: CRASH, child: '5', left: [] } });
    expect([engine.status, world.log, engine.which().length]).toEqual(['ended', [], 2]);
  });
});

import { describe, expect, it } from 'vitest';
import type { ChildPast, Earlier } from '../../src/model/earlier.js';
import { normalisePool } from '../../src/model/normalise.js';
import { createPool } from '../../src/model/pool.js';
import { createSupervision } from '../../src/model/supervision.js';
import { child, family } from './family.js';
import { CRASH, World } from './harness.js';

const UP: ChildPast = { isWanted: true, isResting: false, stamps: [], streak: 0 };
const STOPPED: ChildPast = { isWanted: false, isResting: true, stamps: [], streak: 0 };
const ENDED: ChildPast = { isWanted: true, isResting: true, stamps: [], streak: 0 };

function earlier(children: Record<string, ChildPast>, rest: Partial<Earlier> = {}): Earlier {
  return { added: [], instances: [], stamps: [], child: (id) => children[id], ...rest };
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

  it('hands on what it was given', () => {
    const past = { ...UP, stamps: [-10], streak: 3 };
    const engine = createSupervision(family('a b', { maxRestarts: 5 }), () => 1, earlier({ a: past, b: STOPPED }));
    new World(engine).boot();
    expect([engine.past('a'), engine.past('b')]).toEqual([past, STOPPED]);
    expect(engine.past('none')).toBeUndefined();
  });
});

describe('a pool whose program was started again', () => {
  const spec = normalisePool({ id: 'pool', pool: { agent: { command: ['true'] }, size: 3 } });

  it('starts the instances that it had, and as many more as its size asks for', () => {
    const engine = createPool(spec, () => 2, 0, earlier({ 5: UP, 7: { ...UP, streak: 2 } }, { instances: ['5', '7'] }));
    const world = new World(engine).boot();
    expect(world.log).toEqual(['+5', '+7', '+8']);
    expect(engine.past('7')).toEqual({ ...UP, streak: 2 });
    world.tell({ type: 'ended', id: '5', generation: 3, at: 1, random: 0, reason: CRASH });
    expect(engine.past('5')).toMatchObject({ isWanted: true, isResting: false, streak: 1 });
  });
});

import { describe, expect, it } from 'vitest';
import { normaliseSupervisor } from '../../src/model/normalise.js';
import { createSupervision } from '../../src/model/supervision.js';
import { worldOf } from './family.js';
import { CRASH, World } from './harness.js';

/* For whom a start waits that is due: what the state of an agent says while it is not up. */

function awaited(world: World, ...ids: string[]): string {
  return ids.map((id) => `${id}: ${world.engine.awaitedBy(id).join(' ')}`).join(', ');
}

function slow(children: string, options: Parameters<typeof worldOf>[1] = {}): World {
  const world = worldOf(children, options);
  world.held.add('start');
  return world.boot();
}

describe('a start that waits', () => {
  it('names, in a boot in sequence, the child that is starting', () => {
    const world = slow('a b c');
    expect(awaited(world, 'a', 'b', 'c')).toBe('a: , b: a, c: a');
    world.pay('start', 'a');
    expect(awaited(world, 'b', 'c')).toBe('b: , c: b');
    world.pay('start', 'b');
    world.pay('start', 'c');
    expect(awaited(world, 'a', 'b', 'c')).toBe('a: , b: , c: ');
  });

  it('names, in a restart of siblings, the sibling that is starting', () => {
    const world = slow('a b c', { strategy: 'one_for_all' });
    for (const id of ['a', 'b', 'c']) world.pay('start', id);
    world.exit('b', CRASH);
    expect(awaited(world, 'a', 'b', 'c')).toBe('a: , b: , c: a');
  });

  it('names no sibling while only a delay holds it back', () => {
    const world = slow('a b', { otpExact: false });
    for (const id of ['a', 'b']) world.pay('start', id);
    world.held.add('delay');
    world.exit('a', CRASH);
    expect(awaited(world, 'a')).toBe('a: ');
  });

  it('names the child that an ordered restart is starting, where a call waits for it', () => {
    const world = slow('a b c', { strategy: 'rest_for_one' });
    for (const id of ['a', 'b', 'c']) world.pay('start', id);
    world.command('stop', 'c');
    world.exit('b', CRASH);
    expect(awaited(world, 'c')).toBe('c: ');
    world.command('restart_child', 'c');
    expect(awaited(world, 'c')).toBe('c: b');
  });

  it('names, in a parallel start, its siblings in `after` that are not ready yet', () => {
    const children = [
      { id: 'web', command: ['true'], after: ['db', 'mail'] },
      { id: 'db', command: ['true'] },
      { id: 'mail', command: ['true'] },
    ];
    const world = new World(createSupervision(normaliseSupervisor({ start: 'parallel', children })));
    world.held.add('start');
    world.boot();
    expect(awaited(world, 'web', 'db')).toBe('web: db mail, db: ');
    world.pay('start', 'db');
    expect(awaited(world, 'web')).toBe('web: mail');
    world.halt();
    expect(awaited(world, 'web')).toBe('web: ');
  });
});

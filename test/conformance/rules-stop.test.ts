import { describe, expect, it } from 'vitest';
import { normaliseAgent, normaliseSupervisor } from '../../src/model/normalise.js';
import type { RestartType } from '../../src/model/spec.js';
import { booted, child, pool, worldOf } from './family.js';
import { CRASH, told, World } from './harness.js';

describe('stop', () => {
  it('P1 stops in reverse start order, each fully gone before the next is asked', () => {
    const world = booted('a b c');
    world.held.add('stop');
    world.halt();
    expect(world.takeLog()).toBe('-c');
    world.pay('stop', 'c');
    expect(world.takeLog()).toBe('-b');
    expect(world.phases()).toBe('c down, b stopping, a up');
    world.pay('stop', 'b');
    world.pay('stop', 'a');
    expect(world.takeLog()).toBe('-a');
    expect(world.finished).toMatchObject([{ reason: { kind: 'shutdown' }, child: null, left: [] }]);
    expect(world.statuses).toEqual(['booting', 'running', 'stopping', 'ended']);
  });

  it('P1 stops a child that is still starting, and starts no other', () => {
    const world = worldOf('a b c');
    world.held.add('start');
    world.boot();
    world.pay('start', 'a');
    world.halt();
    expect(world.takeLog()).toBe('+a +b -b -a');
    expect(world.end()).toBe('shutdown');
    expect(world.violations).toEqual([]);
  });

  it('P1 is over at once when no child is alive', () => {
    const world = booted('');
    world.halt();
    expect(world.end()).toBe('shutdown');
  });

  it.each(['a static supervisor', 'a pool'])(
    'of %s that was not booted changes nothing, nor does a quiesce',
    (kind) => {
      const asleep = kind === 'a pool' ? new World(pool({ size: 1 })) : worldOf('a');
      asleep.tell({ type: 'halt', at: 0, brutal: false });
      asleep.tell({ type: 'quiesce' });
      expect([asleep.effects, asleep.engine.status]).toEqual([[], 'idle']);
      expect(asleep.boot().statuses).toEqual(['booting', 'running']);
    },
  );

  it('P1 quiesces a booting pool, which does not fail any more by an end that was deferred to its boot', () => {
    const world = new World(pool({ size: 3, maxRestarts: 0, onExhausted: 'escalate' }));
    world.held.add('start');
    world.boot();
    world.pay('start', '1');
    world.exit('1', CRASH);
    world.pay('start', '3');
    world.stubborn.add('2');
    world.tell({ type: 'quiesce' });
    expect(told(world, 'exhausted')).toEqual([]);
    expect(world.statuses).not.toContain('failing');
  });

  it('P1 answers the caller whose instance was starting when a supervisor above its pool began to stop, once it is gone', () => {
    const world = new World(pool());
    world.boot();
    for (const kind of ['start', 'stop'] as const) world.held.add(kind);
    const token = world.add(normaliseAgent({ id: 'x', command: ['true'] }));
    world.tell({ type: 'quiesce' });
    expect([world.takeLog(), world.answer(token)]).toEqual(['+1 -1', 'pending']);
    world.pay('stop', '1');
    expect([world.answer(token), world.phases(), world.engine.status]).toEqual(['SUPERSEDED', '1 down', 'running']);
  });

  it('P1 forgets a temporary child that ends after a supervisor above began to stop, as R3 says', () => {
    const world = booted('a b:temporary c:transient');
    world.tell({ type: 'quiesce' });
    for (const id of ['b', 'c']) world.exit(id, CRASH);
    expect([world.phases(), world.takeLog()]).toEqual(['c down, a up', '']);
    expect(world.engine.count()).toMatchObject({ specs: 2, active: 1 });
  });

  it('P1 stops no child out of turn when the delay of a restart ends after a supervisor above began to stop', () => {
    const world = booted('a', { strategy: 'rest_for_one', maxRestarts: 5 });
    world.holdAfterFailure = true;
    world.failNext('a');
    world.exit('a', CRASH);
    world.add(child('b'));
    world.tell({ type: 'quiesce' });
    world.takeLog();
    world.pay('delay');
    expect([world.phases(), world.takeLog()]).toEqual(['b up, a down', '']);
  });

  it.each(['a static supervisor', 'a pool'])('of %s reports once when the last zombie that it left is gone', (kind) => {
    const world = kind === 'a pool' ? new World(pool({ size: 2 })).boot() : booted('1 2');
    for (const id of ['1', '2']) world.stubborn.add(id);
    world.halt();
    expect(world.finished).toMatchObject([{ left: ['1', '2'] }]);
    world.exit('1', { kind: 'killed' });
    expect(told(world, 'gone')).toEqual([]);
    world.exit('2', { kind: 'killed' });
    expect([told(world, 'gone'), world.violations]).toEqual([[{ type: 'gone' }], []]);
  });

  it('P2 accepts any end of a child after its stop was requested', () => {
    for (const reason of [{ kind: 'normal' }, { kind: 'shutdown' }, { kind: 'killed' }, CRASH] as const) {
      for (const restart of ['permanent', 'transient', 'temporary']) {
        const world = booted(`a b:${restart}`, { maxRestarts: 0 });
        world.held.add('stop');
        world.halt();
        world.exit('b', reason);
        expect(world.takeLog()).toBe('-b -a');
        world.pay('stop', 'a');
        expect(world.finished).toMatchObject([{ reason: { kind: 'shutdown' }, left: [] }]);
      }
    }
  });

  it('P2 accepts the end of a child before its stop is requested', () => {
    const world = booted('a b c', { maxRestarts: 0 });
    world.held.add('stop');
    world.halt();
    world.exit('a', CRASH);
    world.pay('stop', 'c');
    world.pay('stop', 'b');
    expect(world.takeLog()).toBe('-c -b');
    expect(world.finished).toMatchObject([{ reason: { kind: 'shutdown' }, left: [] }]);
  });

  it('P3 passes a brutal stop on, and accepts a killed child as stopped', () => {
    const world = booted('a b', { maxRestarts: 0 });
    world.halt(true);
    const stops = world.effects.filter((effect) => effect.type === 'stop');
    expect(stops).toMatchObject([
      { id: 'b', brutal: true, cause: 'shutdown' },
      { id: 'a', brutal: true, cause: 'shutdown' },
    ]);
    expect(world.end()).toBe('shutdown');
    expect(normaliseAgent({ id: 'a', command: ['true'], stop: 'brutal_kill' }).stop.brutal).toBe(true);
  });

  it('P3 turns a slow stop into a brutal one, for the child that is stopping and for all later ones', () => {
    const world = booted('a b');
    world.held.add('stop');
    world.halt();
    world.halt(true);
    world.pay('stop', 'b');
    const stops = world.effects.filter((effect) => effect.type === 'stop');
    expect(stops.map(({ id, brutal }) => `${id} ${brutal}`)).toEqual(['b false', 'b true', 'a true']);
  });

  it('P4 waits without limit: no clock of the engine ends a stop', () => {
    const world = booted('a b');
    world.held.add('stop');
    world.halt();
    world.advance(1_000_000_000);
    expect(world.engine.status).toBe('stopping');
    expect(world.effects.some((effect) => effect.type === 'delay')).toBe(false);
    const spec = normaliseSupervisor({ children: [{ id: 'a', command: ['true'], stop: 'infinity' }] });
    expect(spec.children[0]).toMatchObject({ stop: { ask: Number.POSITIVE_INFINITY } });
  });

  it('P5 stops all instances of a pool at once', () => {
    const world = new World(pool({ size: 3 })).boot();
    world.takeLog();
    world.held.add('stop');
    world.halt();
    expect(world.takeLog().split(' ').sort()).toEqual(['-1', '-2', '-3']);
    world.pay('stop', '2');
    world.exit('3', CRASH);
    expect(world.end()).toBeNull();
    world.pay('stop', '1');
    expect(world.finished).toMatchObject([{ reason: { kind: 'shutdown' }, left: [] }]);
    expect(world.takeLog()).toBe('');
  });

  it('P6 continues past a child that cannot be ended, and names it', () => {
    const world = booted('a b c');
    world.stubborn.add('b');
    world.halt();
    expect(world.takeLog()).toBe('-c -b -a');
    expect(world.finished).toMatchObject([{ reason: { kind: 'shutdown' }, left: ['b'] }]);
    const instances = new World(pool({ size: 2 })).boot();
    instances.stubborn.add('1');
    instances.halt();
    expect(instances.finished).toMatchObject([{ left: ['1'] }]);
  });

  it('P6 does not count the late end of such a child as a new failure', () => {
    const world = booted('a b', { maxRestarts: 0 });
    world.stubborn.add('b');
    world.halt();
    world.takeLog();
    world.exit('b', CRASH);
    expect(world.takeLog()).toBe('');
    expect(world.finished).toHaveLength(1);
    expect(world.violations).toEqual([]);
  });

  it('P6 counts the late end of a child without a stop as a failure', () => {
    for (const [restart, log] of Object.entries({ permanent: '+', transient: '+', temporary: '' })) {
      const one = restart as RestartType;
      for (const world of [booted(`a:${restart}`), new World(pool({ size: 1, restart: one })).boot()]) {
        const id = world.engine.which()[0]!.id;
        world.takeLog();
        world.condemn(id);
        expect(world.phases()).toBe(`${id} stuck`);
        world.exit(id, CRASH);
        expect(world.takeLog()).toBe(log && `${log}${id}`);
        expect(told(world, 'retry')).toHaveLength(log.length);
      }
    }
  });

  it('P6 does not restart such a child after a stop by command, and repeats a kill', () => {
    for (const world of [booted('a'), new World(pool({ size: 1 })).boot()]) {
      const id = world.engine.which()[0]!.id;
      world.condemn(id);
      world.takeLog();
      world.command('kill', id);
      expect(world.takeLog()).toBe(`-${id}`);
      world.command('stop', id);
      world.exit(id, CRASH);
      expect(world.takeLog()).toBe('');
      expect(told(world, 'retry')).toEqual([]);
    }
  });

  it('P7 skips children that wait for a restart', () => {
    const world = booted('a b c');
    world.held.add('delay');
    world.exit('b', CRASH);
    expect(world.phases()).toBe('c up, b restarting, a up');
    world.halt();
    expect(world.takeLog()).toBe('-c -a');
    expect(world.phases()).toBe('c down, b down, a down');
    expect(world.end()).toBe('shutdown');
    world.advance(1000);
    expect(world.takeLog()).toBe('');
    expect(world.violations).toEqual([]);
  });

  it('P7 skips waiting instances of a pool', () => {
    const world = new World(pool({ size: 2 })).boot();
    world.held.add('delay');
    world.exit('1', CRASH);
    world.takeLog();
    world.halt();
    expect(world.takeLog()).toBe('-2');
    expect(world.end()).toBe('shutdown');
    world.advance(1000);
    expect(world.violations).toEqual([]);
  });

  it('P8 accepts a stop at any time, and a second one changes nothing', () => {
    const world = booted('a b');
    world.held.add('stop');
    world.halt();
    world.halt();
    world.pay('stop', 'b');
    world.halt();
    world.pay('stop', 'a');
    world.halt();
    expect(world.takeLog()).toBe('-b -a');
    expect(world.finished).toHaveLength(1);
  });

  it('P8 answers every caller: SUPERSEDED to waiting ones, SUPERVISOR_ENDED to later ones', () => {
    const world = worldOf('a b');
    world.held.add('start');
    world.held.add('stop');
    world.boot();
    const waiting = world.command('start', 'b');
    world.halt();
    const late = world.command('start', 'a');
    world.pay('stop', 'a');
    expect(world.answer(late)).toBe('SUPERVISOR_ENDED');
    expect(world.answer(waiting)).toBe('SUPERSEDED');
    expect(world.takeLog()).toBe('+a -a');
  });
});

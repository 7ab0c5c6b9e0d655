import { describe, expect, it } from 'vitest';
import type { CommandAgent } from '../../src/model/input.js';
import { createFakeDriver, createVirtualClock, type FakeBehaviour, type FakeScript } from '../../src/testing/index.js';
import { createRecorder, orderFor } from './recorder.js';

function setUp(script: FakeScript = {}) {
  const clock = createVirtualClock();
  const driver = createFakeDriver(clock, script);
  const start = (incarnation = 1, input: Partial<CommandAgent> = {}, ports: Record<string, number> = {}) => {
    const sink = createRecorder();
    const order = orderFor({ id: 'a', command: ['a'], ...input }, incarnation, ports);
    return { sink, life: driver.start(order, sink) };
  };
  return { clock, driver, start };
}

/** One started and spawned body of this behaviour. */
async function running(behaviour: FakeBehaviour = {}, input: Partial<CommandAgent> = {}) {
  const world = setUp({ 'root/a': behaviour });
  const { sink, life } = world.start(1, input);
  await world.clock.settle();
  return { ...world, sink, life };
}

describe('fake driver, starting', () => {
  it('emits nothing before start() has returned, then SPAWNED with a made-up pid', async () => {
    const { clock, start } = setUp();
    const { sink } = start();
    expect(sink.facts).toEqual([]);
    await clock.settle();
    expect(sink.facts).toEqual([{ type: 'SPAWNED', incarnation: 1, pid: 100_001, at: clock.wall() }]);
  });

  it('takes its time to start and to become ready', async () => {
    const { clock, start } = setUp({ '*': { startsIn: 100, readyIn: 50 } });
    const { sink } = start(1, { ports: ['http'], readiness: { type: 'port' } });
    await clock.advance(99);
    expect(sink.types()).toEqual([]);
    await clock.advance(1);
    expect(sink.types()).toEqual(['SPAWNED']);
    await clock.advance(50);
    expect(sink.types()).toEqual(['SPAWNED', 'READY']);
  });

  it('leaves readiness `none` to the agent and says READY=1 for `notify`', async () => {
    expect((await running()).sink.types()).toEqual(['SPAWNED']);
    const notified = await running({}, { readiness: { type: 'notify' } });
    expect([notified.sink.types(), notified.sink.words]).toEqual([['SPAWNED'], ['READY=1']]);
  });

  it('never becomes ready by script, until ready() is called', async () => {
    const { clock, driver, sink } = await running(
      { readyIn: Number.POSITIVE_INFINITY },
      { readiness: { type: 'notify' } },
    );
    await clock.advance(1e9);
    expect(sink.words).toEqual([]);
    expect(driver.ready('root/a')).toBe(true);
    expect(sink.words).toEqual(['READY=1']);
  });

  it('fails the first so many starts and nothing else follows', async () => {
    const { clock, driver, start } = setUp({ '*': { failsStart: 2 } });
    const sinks = [];
    for (const incarnation of [1, 2, 3]) {
      sinks.push(start(incarnation).sink);
      await clock.advance(10);
    }
    expect(sinks.map((sink) => sink.types())).toEqual([['SPAWN_FAILED'], ['SPAWN_FAILED'], ['SPAWNED']]);
    expect([driver.starts('root/a'), driver.lives().length]).toEqual([3, 1]);
  });

  it('asks a script function with the number of the start', async () => {
    const { clock, start } = setUp((_, attempt) => (attempt === 1 ? { exitsAfter: 5, code: 3 } : {}));
    const first = start(1).sink;
    await clock.advance(10);
    const second = start(2).sink;
    await clock.advance(10);
    expect(first.find('EXITED')).toMatchObject({ code: 3, signal: null });
    expect(second.types()).toEqual(['SPAWNED']);
  });

  it('is GONE alone when it is ended before it is spawned', async () => {
    const { clock, driver, start } = setUp({ '*': { startsIn: 100 } });
    const { sink, life } = start();
    life.ask('SIGTERM');
    life.kill();
    await clock.advance(1_000);
    expect(sink.types()).toEqual(['GONE']);
    expect(driver.lives()).toEqual([]);
  });
});

describe('fake driver, ending', () => {
  it('exits by itself with its code, its tree empty and its output read', async () => {
    const { clock, sink } = await running({ exitsAfter: 20, code: 7 });
    await clock.advance(20);
    expect(sink.find('EXITED')).toMatchObject({ code: 7, signal: null, empty: true, drained: true, oom: false });
    expect(sink.types()).toEqual(['SPAWNED', 'EXITED']);
  });

  it('dies of the stop signal after its time, or exits with its stop code', async () => {
    const slow = await running({ stopsIn: 100 });
    slow.life.ask('SIGTERM');
    slow.life.ask('SIGTERM');
    await slow.clock.advance(99);
    expect(slow.sink.types()).toEqual(['SPAWNED']);
    await slow.clock.advance(1);
    expect(slow.sink.find('EXITED')).toMatchObject({ code: null, signal: 'SIGTERM' });
    const polite = await running({ stopCode: 0 });
    polite.life.ask('SIGINT');
    await polite.clock.settle();
    expect(polite.sink.find('EXITED')).toMatchObject({ code: 0, signal: null });
  });

  it('never emits a fact on the stack of the call that causes it', async () => {
    const { sink, life } = await running();
    life.ask('SIGTERM');
    life.kill();
    expect(sink.types()).toEqual(['SPAWNED']);
  });

  it('ignores the stop signal until SIGKILL', async () => {
    const { clock, sink, life } = await running({ ignoresStop: true });
    life.ask('SIGTERM');
    await clock.advance(1e6);
    expect(sink.types()).toEqual(['SPAWNED']);
    life.kill();
    await clock.settle();
    expect(sink.find('EXITED')).toMatchObject({ code: null, signal: 'SIGKILL', empty: true });
  });

  it('leaves children behind, which SIGKILL ends', async () => {
    const { clock, driver, sink, life } = await running({ leavesChildren: true });
    driver.crash('root/a', { code: 1 });
    expect(sink.find('EXITED')).toMatchObject({ code: 1, empty: false });
    expect(life.inspect()).toEqual([{ pid: 100_002, state: 'S', command: 'fake child' }]);
    life.kill();
    await clock.settle();
    expect(sink.types()).toEqual(['SPAWNED', 'EXITED', 'GONE']);
    expect([life.inspect(), driver.lives()]).toEqual([[], []]);
  });

  it('stays for ever when it is unkillable, until it is released', async () => {
    const { clock, driver, sink, life } = await running({ unkillable: true, ignoresStop: true });
    life.kill();
    await clock.advance(1e6);
    expect(sink.types()).toEqual(['SPAWNED']);
    expect(life.inspect()).toEqual([{ pid: 100_001, state: 'D', command: 'fake' }]);
    expect(driver.release('root/a')).toBe(true);
    expect(sink.types()).toEqual(['SPAWNED', 'EXITED']);
  });

  it('reads its output to the end later, or ends reading at drain()', async () => {
    const late = await running({ drainsIn: 100, exitsAfter: 1 });
    await late.clock.advance(1);
    expect(late.sink.find('EXITED')).toMatchObject({ empty: true, drained: false });
    await late.clock.advance(100);
    expect(late.sink.types()).toEqual(['SPAWNED', 'EXITED', 'DRAINED']);
    const cut = await running({ drainsIn: Number.POSITIVE_INFINITY, exitsAfter: 1 });
    await cut.clock.advance(1);
    cut.life.drain();
    cut.life.drain();
    await cut.clock.settle();
    expect(cut.sink.types()).toEqual(['SPAWNED', 'EXITED', 'DRAINED']);
  });

  it('emits nothing more after the last fact, whatever is called', async () => {
    const { clock, driver, sink, life } = await running();
    driver.crash('root/a');
    life.ask('SIGTERM');
    life.kill();
    life.freeze();
    life.thaw();
    life.drain();
    life.endInput();
    life.signal('SIGKILL');
    await clock.advance(1_000);
    expect(sink.types()).toEqual(['SPAWNED', 'EXITED']);
    expect([driver.crash('root/a'), driver.ready('root/a'), driver.release('root/b')]).toEqual([false, false, false]);
  });

  it('ends everything when it is closed', async () => {
    const { clock, driver, sink } = await running({ ignoresStop: true, leavesChildren: true });
    await driver.close();
    await clock.settle();
    expect(sink.types()).toEqual(['SPAWNED', 'EXITED', 'GONE']);
    expect([driver.lives(), clock.pending()]).toEqual([[], 0]);
  });
});

describe('fake driver, living', () => {
  it('holds back timed events while it is frozen', async () => {
    const { clock, driver, sink, life } = await running({ exitsAfter: 10 });
    life.freeze();
    await clock.advance(100);
    expect(sink.types()).toEqual(['SPAWNED', 'FROZEN']);
    expect(driver.lives()[0]).toMatchObject({ frozen: true });
    life.thaw();
    await clock.settle();
    expect(sink.types()).toEqual(['SPAWNED', 'FROZEN', 'EXITED']);
  });

  it('wakes up to a stop signal', async () => {
    const { clock, sink, life } = await running();
    life.freeze();
    await clock.settle();
    life.ask('SIGTERM');
    await clock.settle();
    expect(sink.types()).toEqual(['SPAWNED', 'FROZEN', 'EXITED']);
  });

  it('refuses to be frozen when its script says so', async () => {
    const { clock, sink, life } = await running({ freezeFails: 'a member does not stop' });
    life.freeze();
    await clock.settle();
    expect(sink.find('FREEZE_FAILED')).toMatchObject({ detail: 'a member does not stop' });
  });

  it('writes its lines and those of say(), and reads its input', async () => {
    const { driver, sink, life } = await running({ output: ['up', { stream: 'stderr', line: 'careful' }] });
    driver.say('root/a', 'more');
    expect(sink.text).toEqual({ stdout: 'up\nmore\n', stderr: 'careful\n' });
    await life.write(Buffer.from('hello'));
    life.endInput();
    await expect(life.write(Buffer.from('late'))).rejects.toMatchObject({ code: 'STDIN_CLOSED' });
    expect(driver.calls.filter(({ call }) => call === 'write').map(({ detail }) => detail)).toEqual(['hello']);
  });

  it('logs every call with its time', async () => {
    const { clock, driver, life } = await running();
    await clock.advance(5);
    life.ask('SIGTERM');
    const call = { path: 'root/a', incarnation: 1 };
    expect(driver.calls).toEqual([
      { ...call, at: 0, call: 'start', detail: 'a' },
      { ...call, at: 5, call: 'ask', detail: 'SIGTERM' },
    ]);
  });

  it('keeps two thousand bodies', async () => {
    const clock = createVirtualClock();
    const driver = createFakeDriver(clock, { '*': { exitsAfter: 1_000 } });
    for (let n = 0; n < 2_000; n++) driver.start(orderFor({ id: `a${n}`, command: ['a'] }), createRecorder());
    await clock.advance(500);
    expect(driver.lives()).toHaveLength(2_000);
    await clock.advance(500);
    expect([driver.lives(), driver.violations]).toEqual([[], []]);
  });
});

describe('fake driver, watching its caller', () => {
  it('finds nothing wrong with a proper life', async () => {
    const { clock, driver, start } = setUp();
    for (const incarnation of [1, 2, 3]) {
      start(incarnation, {}, { http: 8100 }).life.ask('SIGTERM');
      await clock.settle();
    }
    expect(driver.violations).toEqual([]);
  });

  it('finds a second living incarnation, and one that was used before', async () => {
    const { driver, start } = setUp();
    start(1);
    start(2);
    start(2);
    expect(driver.violations).toEqual([
      'root/a incarnation 2 was started while incarnation 1 lives',
      'root/a incarnation 2 was started while incarnation 2 lives',
      'root/a incarnation 2 follows incarnation 2',
      'root/a incarnation 2 has the token root/a#2, which was used before',
    ]);
  });

  it('finds one port given to two of the living', () => {
    const { driver, start } = setUp();
    start(1, { id: 'a' }, { http: 8100 });
    start(1, { id: 'b' }, { http: 8100 });
    expect(driver.violations).toEqual(['root/b incarnation 1 was given port 8100 (http), which root/a still has']);
  });

  it('finds templates left in an order, and a start after close()', async () => {
    const { driver, start } = setUp();
    start(1, { command: ['serve', '--port={port:http}'] });
    await driver.close();
    start(1, { id: 'b' });
    expect(driver.violations).toEqual([
      'root/a incarnation 1 has a template left: {port:http}',
      'root/b incarnation 1 was started after close()',
    ]);
  });
});

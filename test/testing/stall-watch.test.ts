import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { createTree } from '../../src/index.js';
import { createFakeDriver, createVirtualClock, type FakeScript } from '../../src/testing/index.js';
import { fixture } from '../contract/recorder.js';

const STALLED = { code: 'CLOCK_STALLED' };

function held(script: FakeScript = {}, patience = 100) {
  const clock = createVirtualClock({ patience });
  const driver = createFakeDriver(clock, script);
  const children = [{ id: 'a', command: ['a'] }];
  return { clock, driver, tree: createTree({ children }, { clock, driver }) };
}

async function running(script?: FakeScript) {
  const rig = held(script);
  await rig.clock.until(rig.tree.start());
  return { ...rig, agent: rig.tree.agent('a'), root: rig.tree.supervisor() };
}

const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);
afterEach(() => {
  process.off('unhandledRejection', note);
});

describe('an operation that waits for a clock that does not move', () => {
  it('rejects with its name and the remedy', async () => {
    const { tree } = held();
    const error = await tree.start().catch((thrown) => thrown);
    expect(error).toMatchObject(STALLED);
    expect(error.message).toMatch(
      /^The start of root waits for a virtual clock that the test does not move: it holds \d+ callbacks?/,
    );
    expect(error.remedy).toContain('clock.until(');
  });

  it.each<[string, (rig: Awaited<ReturnType<typeof running>>) => Promise<unknown>]>([
    ['stop of a tree', ({ tree }) => tree.stop()],
    ['stop of an agent', ({ agent }) => agent.stop()],
    ['restart of an agent', ({ agent }) => agent.restart()],
    ['wait for a state', ({ agent }) => agent.waitFor('failed', { timeout: 5_000 })],
    ['new child', ({ root }) => root.add({ id: 'b', command: ['b'] })],
    ['stop of a child', ({ root }) => root.terminate('a')],
  ])('is any: the %s', async (_, operation) => {
    await expect(operation(await running({ '*': { stopsIn: 500 } }))).rejects.toMatchObject(STALLED);
  });

  it('can complete after all when the clock is moved then', async () => {
    const { clock, tree } = held();
    await expect(tree.start()).rejects.toMatchObject(STALLED);
    await clock.until(tree.start());
    expect(tree.status).toBe('running');
  });

  it('is no unhandled rejection when it is not awaited', async () => {
    process.on('unhandledRejection', note);
    const { tree } = held();
    void tree.start();
    await delay(400);
    expect(unhandled).toEqual([]);
  });

  it('waits for as long as the clock is moved', async () => {
    const { clock, tree } = held({ '*': { startsIn: 1_000 } });
    const mover = setInterval(() => void clock.advance(1), 10);
    await delay(400).then(() => clearInterval(mover));
    const started = tree.start();
    await clock.advance(1_000);
    await started;
  });

  it('waits for ever with a patience that has no end', async () => {
    const { tree } = held({}, Number.POSITIVE_INFINITY);
    const first = await Promise.race([tree.start(), delay(300, 'still waiting')]);
    expect(first).toBe('still waiting');
  });

  it('ends a program with the error, where Node would end it with exit code 13 and no word', async () => {
    const [node, ...args] = fixture('stands-still');
    const child = spawn(node!, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    child.stderr.on('data', (bytes) => {
      text += bytes;
    });
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(text).toContain('CLOCK_STALLED');
  });
});

describe('clock.until', () => {
  it('moves the clock no further than the operation needs', async () => {
    const { clock, tree } = held({ '*': { startsIn: 700 } });
    await clock.until(tree.start());
    expect(clock.now()).toBe(700);
  });

  it('passes on the rejection of the operation', async () => {
    const { clock, tree } = held({ '*': { failsStart: 99 } });
    await expect(clock.until(tree.start())).rejects.toMatchObject({ code: 'BOOT_FAILED' });
  });

  it('gives up after its time, also when a timer sets itself again for ever', async () => {
    const clock = createVirtualClock();
    const arm = (): unknown => clock.setTimeout(arm, 1_000);
    arm();
    await expect(clock.until(new Promise(() => {}), { within: 5_000 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(clock.now()).toBe(5_000);
  });

  it('gives up on an operation that no timer can settle, and waits a while for one that something else settles', async () => {
    const clock = createVirtualClock({ patience: 50 });
    await expect(clock.until(new Promise(() => {}))).rejects.toMatchObject({ code: 'TIMEOUT' });
    const patient = createVirtualClock({ patience: 60_000 });
    expect(await patient.until(delay(20, 'real'))).toBe('real');
  });
});

describe('await using', () => {
  it('stops the tree at the end of its block, where no other code can move the clock', async () => {
    const { clock, driver, tree } = held({ '*': { ignoresStop: true } });
    {
      await using _ = tree;
      await clock.until(tree.start());
    }
    expect(tree.status).toBe('stopped');
    expect(driver.lives()).toEqual([]);
    expect(clock.now()).toBeGreaterThan(0);
  });
});

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Stdin } from '../../../src/drivers/local/stdin.js';
import type { SupertreeError } from '../../../src/errors.js';
import { createVirtualClock, type VirtualClock } from '../../../src/testing/virtual-clock.js';

const PATIENCE = 10_000;
const SIZE = 700_000;

let cat: ChildProcessWithoutNullStreams;
let clock: VirtualClock;
let stdin: Stdin;
let received: Buffer[];

/* A real program at a real pipe, stopped and continued by signals: while it is stopped it reads nothing. */
beforeEach(() => {
  cat = spawn('cat');
  clock = createVirtualClock();
  stdin = new Stdin('root/a', clock);
  received = [];
  cat.stdout.on('data', (bytes) => received.push(bytes));
});

afterEach(async () => {
  if (cat.exitCode !== null || cat.signalCode !== null) return;
  const gone = once(cat, 'exit');
  cat.kill('SIGKILL');
  await gone;
});

/** Numbered lines: what is missing, twice there or out of order shows. */
const lines = Buffer.from(Array.from({ length: SIZE / 10 }, (_, n) => `${String(n).padStart(9, '0')}\n`).join(''));

const outcome = (write: Promise<void>) =>
  write.then(
    () => null,
    (thrown: SupertreeError) => thrown,
  );

describe('standard input of a program that does not read', () => {
  it('gives up when nothing was taken for 10 s, with the number of bytes that were: no byte is lost or doubled', async () => {
    cat.kill('SIGSTOP');
    stdin.attach(cat.stdin);
    const [first, second] = [
      outcome(stdin.write(lines.subarray(0, 400_000))),
      outcome(stdin.write(lines.subarray(400_000))),
    ];
    let settled = false;
    void first.then(() => {
      settled = true;
    });
    // What the kernel takes at once it takes in a few turns; then the pipe is full.
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(PATIENCE - 1);
    expect(settled).toBe(false);
    await clock.advance(1);
    const [one, two] = [await first, await second];
    expect(one).toMatchObject({ code: 'STDIN_STALLED', details: { agent: 'root/a', bytes: 400_000 } });
    expect(two).toMatchObject({ code: 'STDIN_STALLED', details: { taken: 0, bytes: SIZE - 400_000 } });
    const taken = Number(one?.details.taken);
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(400_000);
    cat.kill('SIGCONT');
    await stdin.write(lines.subarray(taken));
    stdin.end();
    await once(cat, 'close');
    expect(Buffer.concat(received).equals(lines)).toBe(true);
    expect(clock.pending()).toBe(0);
  });

  it('gives up again, and does not count the rejected bytes', async () => {
    cat.kill('SIGSTOP');
    stdin.attach(cat.stdin);
    for (let round = 0; round < 3; round++) {
      const write = outcome(stdin.write(Buffer.alloc(900_000)));
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(PATIENCE);
      expect(await write).toMatchObject({ code: 'STDIN_STALLED' });
    }
    stdin.close();
    expect(clock.pending()).toBe(0);
  });

  it('waits as long as it takes for one that is not there yet, and for one that reads a little', async () => {
    const write = outcome(stdin.write(lines));
    await clock.advance(10 * PATIENCE);
    stdin.attach(cat.stdin);
    expect(await write).toBe(null);
    stdin.end();
    await once(cat, 'close');
    expect(Buffer.concat(received).equals(lines)).toBe(true);
  });
});

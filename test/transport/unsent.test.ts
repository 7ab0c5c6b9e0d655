import { describe, expect, it } from 'vitest';
import { Unsent } from '../../src/transport/unsent-bytes.js';

const MIB = 1024 * 1024;

/** Never written to, so they take no memory but their addresses. */
function buffers(count: number): Buffer[] {
  return Array.from({ length: count }, () => Buffer.allocUnsafeSlow(16 * MIB));
}

describe('what libzmq holds', () => {
  it('is full with 128 MiB for one peer, and not any more when they have left', async () => {
    const unsent = new Unsent();
    const held = buffers(8);
    for (const frame of held) unsent.add('deaf', frame);
    expect(unsent.isFull('deaf')).toBe(true);
    expect(unsent.isFull('other')).toBe(false);
    // The first question made it look anew; what is held is not taken for gone.
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(unsent.isFull('deaf')).toBe(true);
    held.length = 0;
    await expect.poll(() => unsent.isFull('deaf'), { timeout: 20_000 }).toBe(false);
  }, 30_000);

  it('leaves each peer a share of a megabyte when there are 256 MiB in all', () => {
    const unsent = new Unsent();
    const held = buffers(16);
    for (const [index, frame] of held.entries()) unsent.add(`peer ${index % 3}`, frame);
    unsent.add('small', Buffer.alloc(MIB - 1));
    expect([unsent.isFull('peer 0'), unsent.isFull('small'), unsent.isFull('new')]).toEqual([true, false, false]);
    expect(held).toHaveLength(16);
  });

  it('does not count small messages, of which libzmq keeps no more than so many', () => {
    const unsent = new Unsent();
    const frames = Array.from({ length: 100_000 }, () => Buffer.allocUnsafe(4000));
    for (const frame of frames) unsent.add('peer', frame);
    unsent.add('peer', undefined);
    expect(unsent.isFull('peer')).toBe(false);
  });
});

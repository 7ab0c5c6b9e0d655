import { describe, expect, it } from 'vitest';
import { SEND_QUEUE, SendWindow, STALLED_FOR } from '../../src/transport/send-window.js';
import { RecentBytes } from '../../src/transport/xpub-socket.js';

const MIB = 1024 * 1024;
const HELD = SEND_QUEUE + 1;

describe('the bytes that libzmq holds', () => {
  it('of one peer are those of the messages that its queue has room for', () => {
    const window = new SendWindow();
    for (let n = 0; n < 100; n++) window.add('peer', MIB, 0);
    expect(window.bytes).toBe(HELD * MIB);
    window.release('peer');
    expect(window.bytes).toBe(0);
  });

  it('are released after as many small messages, and are not counted for peers that get only small ones', () => {
    const window = new SendWindow();
    window.add('peer', MIB, 0);
    for (let n = 0; n < HELD; n++) window.add('peer', 100, 0);
    for (let n = 0; n < 1000; n++) window.add(`small-${n}`, 100, 0);
    expect(window.bytes).toBe(0);
  });

  it('of all peers are 256 MiB and a share of a megabyte for each other one', () => {
    const window = new SendWindow();
    for (let n = 0; n < 256; n++) window.add(`peer-${n}`, MIB, 0);
    window.add('small', MIB / 2, 0);
    expect([window.isFull('peer-0', 0), window.isFull('small', 0), window.isFull('new', 0)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('are counted until the kernel has closed every connection that does not read', () => {
    const window = new SendWindow();
    for (let n = 0; n < 256; n++) window.add(`peer-${n}`, MIB, 0);
    expect(window.isFull('peer-0', STALLED_FOR)).toBe(true);
    expect(window.isFull('peer-0', 2 * STALLED_FOR)).toBe(false);
    expect(window.bytes).toBe(0);
  });
});

it('the bytes of the last frames are the sum over as many frames as the queue holds', () => {
  const recent = new RecentBytes(3);
  const seen = [1, 10, 100, 1000, 10_000].map((bytes) => {
    recent.add(bytes);
    return recent.bytes;
  });
  expect(seen).toEqual([1, 11, 111, 1110, 11_100]);
});

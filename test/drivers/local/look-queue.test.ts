import { describe, expect, it } from 'vitest';
import type { Census } from '../../../src/drivers/local/census.js';
import { LookQueue } from '../../../src/drivers/local/look-queue.js';

/** A clock that stands still but for what it is told, and a census whose look takes a while. */
function rig(cost: number) {
  const due: { at: number; run: () => void }[] = [];
  const times = { now: 0, looks: [] as number[] };
  const at = (run: () => void, ms: number) => void due.push({ at: times.now + ms, run });
  const clock = {
    now: () => times.now,
    wall: () => times.now,
    setTimeout: at,
    clearTimeout: () => {},
    defer: (run: () => void) => at(run, 0),
  };
  const census = {
    touch: () => {},
    scan: () => {
      times.looks.push(times.now);
      times.now += cost;
      return { certain: true, lastPid: times.looks.length };
    },
  };
  const run = () => {
    for (let next = due.shift(); next !== undefined; next = due.shift()) {
      times.now = Math.max(times.now, next.at);
      next.run();
    }
  };
  return { queue: new LookQueue(clock, census as unknown as Census), times, run };
}

describe('the queue for looks over all processes', () => {
  it('takes one look for all that wait, over several turns', () => {
    const { queue, times, run } = rig(4);
    const scans: number[] = [];
    const one = ({ lastPid }: { lastPid: number }) => {
      scans.push(lastPid);
      times.now += 1;
    };
    for (let n = 0; n < 100; n++) queue.push(one);
    expect(times.looks).toEqual([]);
    run();
    expect(scans).toEqual(Array.from({ length: 100 }, () => 1));
  });

  it('gives work that comes meanwhile the next scan, and rests in between', () => {
    const { queue, times, run } = rig(4);
    const scans: number[] = [];
    queue.push(({ lastPid }) => {
      scans.push(lastPid);
      queue.push((scan) => scans.push(scan.lastPid));
      queue.push((scan) => scans.push(scan.lastPid));
    });
    run();
    expect(scans).toEqual([1, 2, 2]);
    expect(times.looks).toEqual([0, 16]);
  });

  it('looks at once after a rest', () => {
    const { queue, times, run } = rig(4);
    queue.push(() => {});
    run();
    times.now = 1_000;
    queue.push(() => {});
    run();
    expect(times.looks).toEqual([0, 1_000]);
  });
});

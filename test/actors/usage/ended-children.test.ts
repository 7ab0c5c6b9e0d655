import { describe, expect, it } from 'vitest';
import { createSampler } from '../../../src/actors/usage/sampler.js';
import type { ProcessTimes } from '../../../src/drivers/driver.js';
import { createVirtualClock } from '../../../src/testing/index.js';

const SHELL = 1;
const CHILD = 2;
const GRANDCHILD = 3;
const OUTSIDE = 99;

interface FakeProcess {
  readonly parent?: number;
  readonly ctime?: number;
  readonly childTime?: number;
  /** The second in which it has started. If not given, 0. */
  readonly born?: number;
  /** Whether it has ended, and its parent has not waited for it. */
  readonly isDefunct?: boolean;
}

/** The cpu shares of a tree whose processes are sampled at the end of each second. */
async function sharesOf(seconds: readonly Readonly<Record<number, FakeProcess>>[]): Promise<number[]> {
  let second = 0;
  const read = async (pids: readonly number[]) => {
    const current = seconds[second - 1]!;
    return new Map(pids.flatMap((pid) => (current[pid] ? [[pid, timesOf(current[pid], second)]] : [])));
  };
  const clock = createVirtualClock();
  const sampler = createSampler(clock, read);
  const shares: number[] = [];
  for (const current of seconds) {
    second++;
    const living = Object.entries(current).filter(([, { isDefunct }]) => !isDefunct);
    const pids = living.map(([pid]) => Number(pid));
    const usages = await sampler.sample(new Map([['a', { pids, exactAbove: 0 }]]));
    const { cpu } = usages.get('a')!;
    shares.push(Math.round(cpu));
    await clock.advance(10_000);
  }
  return shares;
}

function timesOf({ parent = OUTSIDE, ctime = 0, childTime = 0, born = 0 }: FakeProcess, second: number): ProcessTimes {
  return { parent, ctime, childTime, elapsed: (second - born) * 1_000, memory: 1 };
}

describe('the cpu time of ended children', () => {
  it('counts when no sample has seen them', async () => {
    const shares = await sharesOf([
      { [SHELL]: { ctime: 10, childTime: 890 } },
      { [SHELL]: { ctime: 20, childTime: 1_870 } },
      { [SHELL]: { ctime: 30, childTime: 1_870 } },
    ]);
    expect(shares).toEqual([90, 99, 1]);
  });

  it('counts once when their parent waits for them', async () => {
    const shares = await sharesOf([
      { [SHELL]: {}, [CHILD]: { parent: SHELL, ctime: 900 } },
      { [SHELL]: { childTime: 1_400 } },
      { [SHELL]: { childTime: 1_400 } },
    ]);
    expect(shares).toEqual([90, 50, 0]);
  });

  it('counts once when they are defunct for a while', async () => {
    const child = { parent: SHELL, ctime: 950, isDefunct: true };
    const shares = await sharesOf([
      { [SHELL]: {}, [CHILD]: { parent: SHELL, ctime: 900 } },
      { [SHELL]: {}, [CHILD]: child },
      { [SHELL]: {}, [CHILD]: child },
      { [SHELL]: { childTime: 950 } },
      { [SHELL]: { childTime: 960 } },
    ]);
    expect(shares).toEqual([90, 5, 0, 0, 1]);
  });

  it('counts once when they vanish in one sample and their parent has their time in the next', async () => {
    const shares = await sharesOf([
      { [SHELL]: {}, [CHILD]: { parent: SHELL, ctime: 900 } },
      { [SHELL]: { ctime: 10 } },
      { [SHELL]: { ctime: 20, childTime: 930 } },
      { [SHELL]: { ctime: 20, childTime: 1_130 } },
    ]);
    expect(shares).toEqual([90, 1, 4, 20]);
  });

  it('counts once over several generations', async () => {
    const shares = await sharesOf([
      {
        [SHELL]: {},
        [CHILD]: { parent: SHELL, ctime: 100, childTime: 200 },
        [GRANDCHILD]: { parent: CHILD, ctime: 300 },
      },
      { [SHELL]: { childTime: 650 } },
    ]);
    expect(shares).toEqual([60, 5]);
  });

  it('is that of other children alone when an orphan ends, for which a parent outside the tree waits', async () => {
    const shares = await sharesOf([
      { [SHELL]: { childTime: 100 }, [CHILD]: { ctime: 800 } },
      { [SHELL]: { childTime: 600 } },
      { [SHELL]: { childTime: 700 } },
    ]);
    expect(shares).toEqual([90, 50, 10]);
  });

  it('makes no share negative when it is added to no parent, and is expected for two samples at most', async () => {
    const shares = await sharesOf([
      { [SHELL]: {}, [CHILD]: { parent: SHELL, ctime: 900 } },
      { [SHELL]: {} },
      { [SHELL]: {} },
      { [SHELL]: { childTime: 100 } },
    ]);
    expect(shares).toEqual([90, 0, 0, 10]);
  });

  it('continues when an orphan leaves its parent, and later ends', async () => {
    const shares = await sharesOf([
      { [SHELL]: {}, [CHILD]: { parent: SHELL, ctime: 100 }, [GRANDCHILD]: { parent: CHILD, ctime: 400 } },
      { [SHELL]: { childTime: 150 }, [GRANDCHILD]: { ctime: 900 } },
      { [SHELL]: { childTime: 350 } },
    ]);
    expect(shares).toEqual([50, 55, 20]);
  });

  it('is told apart from that of a new process with the same pid', async () => {
    const shares = await sharesOf([
      { [SHELL]: {}, [CHILD]: { parent: SHELL, ctime: 900 } },
      { [SHELL]: { childTime: 950 }, [CHILD]: { parent: SHELL, ctime: 300, born: 1.5 } },
    ]);
    expect(shares).toEqual([90, 35]);
  });

  it('counts by the average of its life for a process that could not be read before', async () => {
    const shares = await sharesOf([{ [SHELL]: {} }, { [SHELL]: {}, [CHILD]: { parent: SHELL, ctime: 1_000 } }]);
    expect(shares).toEqual([0, 50]);
  });

  it('begins anew with the next incarnation', async () => {
    const shares = await sharesOf([
      { [SHELL]: { ctime: 100 }, [CHILD]: { parent: SHELL, ctime: 800 } },
      { 7: { ctime: 250, born: 1.5 } },
    ]);
    expect(shares).toEqual([90, 50]);
  });
});

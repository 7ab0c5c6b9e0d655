import { setTimeout as sleep } from 'node:timers/promises';
import { bareKillAll, bareSpawnAll, SLEEP } from './bare.js';
import { excessRow, type Figures, type Measurement, type Row } from './measurement.js';
import { createTree } from './subject.js';

const SIZES = [100, 500, 1000];
const WARM_UP = 20;

/** The memory of this process for each living agent. */
export const memory: Measurement = {
  title: `memory of this process for each agent of its tree at ${SIZES.join(' / ')}; the floor holds bare children`,
  rounds: 3,
  seconds: 40,
  variants: { ours, floor },
  rows: (median) =>
    SIZES.flatMap((size): Row[] => [
      excessRow(
        `memory per agent at ${size}, heap`,
        'KB',
        median('ours', `heap${size}`),
        median('floor', `heap${size}`),
        20,
      ),
      excessRow(
        `memory per agent at ${size}, resident`,
        'KB',
        median('ours', `rss${size}`),
        median('floor', `rss${size}`),
        20,
      ),
    ]),
};

async function ours(): Promise<Figures> {
  const pool = { id: 'pool', pool: { size: WARM_UP, max: WARM_UP + 1000, agent: { command: SLEEP } } };
  const tree = createTree({ children: [pool] });
  await tree.start();
  const supervisor = tree.supervisor('root/pool');
  const figures = await growing(async (count) => {
    await Promise.all(Array.from({ length: count }, () => supervisor.add()));
  });
  await tree.stop({ brutal: true });
  return figures;
}

async function floor(): Promise<Figures> {
  const children = await bareSpawnAll(WARM_UP, true);
  const figures = await growing(async (count) => {
    children.push(...(await bareSpawnAll(count, true)));
  });
  await bareKillAll(children);
  return figures;
}

async function growing(add: (count: number) => Promise<void>): Promise<Figures> {
  const before = await settled();
  const figures: Record<string, number> = {};
  let count = 0;
  for (const size of SIZES) {
    await add(size - count);
    count = size;
    const now = await settled();
    figures[`heap${size}`] = (now.heap - before.heap) / size / 1024;
    figures[`rss${size}`] = (now.rss - before.rss) / size / 1024;
  }
  return figures;
}

/**
 * What is left when garbage is collected. Pages that V8 keeps for its next garbage are counted off: how many those are depends on what was
 * thrown away, not on what lives.
 */
async function settled(): Promise<{ heap: number; rss: number }> {
  for (let n = 0; n < 5; n++) {
    globalThis.gc?.();
    await sleep(100);
  }
  const { heapUsed, heapTotal, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss: rss - (heapTotal - heapUsed) };
}

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SupervisorInput } from 'supertree';
import { bareKillAll, bareSpawnAll, SLEEP } from './bare.js';
import { boundRow, type Figures, type Measurement, plainRow, ratioRow } from './measurement.js';
import { createTree } from './subject.js';

const COUNT = 500;

/** 500 agents from nothing to all ready, and how long the event loop was blocked at most meanwhile. */
export const start: Measurement = {
  title: `${COUNT} sleeping agents until all are ready; the floor spawns them in one synchronous loop`,
  rounds: 5,
  seconds: 45,
  variants: {
    one_for_one: () => ours({ children: ids().map((id) => ({ id, command: SLEEP })) }),
    pool: () => ours({ children: [{ id: 'pool', pool: { size: COUNT, agent: { command: SLEEP } } }] }),
    loop: () => floor(false),
    yielding: () => floor(true),
  },
  rows: (median) => [
    ratioRow(`start ${COUNT}, one_for_one`, 'ms', median('one_for_one', 'ms'), median('loop', 'ms'), 1.25),
    ratioRow(`start ${COUNT}, pool`, 'ms', median('pool', 'ms'), median('loop', 'ms'), 1.25),
    plainRow(
      `start ${COUNT}, bare: one spawn a turn, in one loop`,
      'ms',
      median('yielding', 'ms'),
      median('loop', 'ms'),
    ),
    boundRow('  loop blocked, one_for_one', 'ms', median('one_for_one', 'blocked'), median('yielding', 'blocked'), 50),
    boundRow('  loop blocked, pool', 'ms', median('pool', 'blocked'), median('yielding', 'blocked'), 50),
  ],
};

const ids = (): string[] => Array.from({ length: COUNT }, (_, n) => `a${n}`);

async function ours(input: SupervisorInput): Promise<Figures> {
  const tree = createTree(input);
  const figures = await timed(() => tree.start());
  await tree.stop({ brutal: true });
  return figures;
}

async function floor(yielding: boolean): Promise<Figures> {
  let children: Awaited<ReturnType<typeof bareSpawnAll>> = [];
  const figures = await timed(async () => {
    children = await bareSpawnAll(COUNT, yielding);
  });
  await bareKillAll(children);
  return figures;
}

/** The histogram samples once a millisecond; the first tick after a reset is not counted, and one is needed behind the end. */
async function timed(act: () => Promise<void>): Promise<Figures> {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  await sleep(50);
  delays.reset();
  await sleep(5);
  const begin = performance.now();
  await act();
  const ms = performance.now() - begin;
  await sleep(10);
  delays.disable();
  return { ms, blocked: delays.max / 1e6 };
}

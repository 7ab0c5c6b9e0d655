import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { bareKillAll, bareSpawnAll, SLEEP } from './bare.js';
import { boundRow, type Figures, type Measurement } from './measurement.js';
import { createTree } from './subject.js';

const COUNT = 500;
const SETTLE = 1_000;
const SPAN = 10_000;

/** What it costs to have agents of which nothing is wanted. */
export const idle: Measurement = {
  title: `${COUNT} agents and nobody looking, ${SPAN / 1000} s; the floor holds bare children`,
  rounds: 1,
  seconds: 26,
  variants: { ours, floor },
  rows: (median) => [
    boundRow(`idle cpu at ${COUNT}, % of one core`, '%', median('ours', 'cpu'), median('floor', 'cpu'), 0.5),
    boundRow(`  turns of the event loop in ${SPAN / 1000} s`, '', median('ours', 'turns'), median('floor', 'turns'), 5),
    boundRow('  timers set meanwhile', '', median('ours', 'timers'), median('floor', 'timers'), 0),
  ],
};

async function ours(): Promise<Figures> {
  const tree = createTree({ children: [{ id: 'pool', pool: { size: COUNT, agent: { command: SLEEP } } }] });
  await tree.start();
  const figures = await watched();
  await tree.stop({ brutal: true });
  return figures;
}

async function floor(): Promise<Figures> {
  const children = await bareSpawnAll(COUNT, true);
  const figures = await watched();
  await bareKillAll(children);
  return figures;
}

/** Its own sleep is one turn; its timer is set when the count is taken. */
async function watched(): Promise<Figures> {
  await sleep(SETTLE);
  const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = { cpu: process.cpuUsage(), turns: performance.nodeTiming.uvMetricsInfo.loopCount };
  await sleep(SPAN);
  const { user, system } = process.cpuUsage(before.cpu);
  const turns = performance.nodeTiming.uvMetricsInfo.loopCount - before.turns;
  return { cpu: ((user + system) / 1000 / SPAN) * 100, turns, timers };
}

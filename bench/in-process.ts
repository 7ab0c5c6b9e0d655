import type { SupervisorInput, TaskBody } from 'supertree';
import { bareAgents, bareEnd, bareStart, bareStop } from './bare-agents.js';
import { boundRow, type Figures, type Measurement, ratioRow } from './measurement.js';
import { median } from './statistics.js';
import { createTree } from './subject.js';

const MANY = 10_000;
const FEW = 1_000;
const RESTARTS = 200;

/** Agents that are functions in this process: what supervision costs by itself, and whether it grows with their number. */
export const inProcess: Measurement = {
  title: `${MANY} tasks created and ready, one restarted, all stopped; the floor drives bare actors of the same chart`,
  rounds: 3,
  seconds: 45,
  variants: {
    pool: () => ours(poolOf(MANY), MANY),
    static: () => ours(staticOf(MANY), MANY),
    'pool-few': () => ours(poolOf(FEW), FEW),
    'static-few': () => ours(staticOf(FEW), FEW),
    floor,
  },
  rows: (median) =>
    ['pool', 'static'].flatMap((kind) => [
      ratioRow(`create and start ${MANY}, ${kind}`, 'ms', median(kind, 'create'), median('floor', 'create'), 2),
      ratioRow(`stop ${MANY}, ${kind}`, 'ms', median(kind, 'stop'), median('floor', 'stop'), 2),
      boundRow(`restart one of ${MANY}, ${kind}`, 'ms', median(kind, 'restart'), median('floor', 'restart'), 0.2),
      ratioRow(
        `create one of ${MANY}, floor: one of ${FEW}, ${kind}`,
        'us',
        (median(kind, 'create') / MANY) * 1000,
        (median(`${kind}-few`, 'create') / FEW) * 1000,
        1.5,
      ),
    ]),
};

/** Waits until it is asked to stop. */
const wait: TaskBody = ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve()));

const poolOf = (size: number): SupervisorInput => ({
  children: [{ id: 'pool', pool: { size, agent: { task: wait } } }],
});
const staticOf = (size: number): SupervisorInput => ({
  children: Array.from({ length: size }, (_, n) => ({ id: `a${n}`, task: wait })),
});

/** Both sides run warm, so that it is not the compiler that is measured. */
async function ours(input: SupervisorInput, size: number): Promise<Figures> {
  await life(poolOf(FEW), FEW);
  await life(staticOf(FEW), FEW);
  return life(input, size);
}

async function life(input: SupervisorInput, size: number): Promise<Figures> {
  globalThis.gc?.();
  const begin = performance.now();
  const tree = createTree(input);
  await tree.start();
  const create = performance.now() - begin;
  const paths = tree.agents().map(({ path }) => path);
  const restarts: number[] = [];
  for (let n = 0; n < RESTARTS; n++) {
    const agent = tree.agent(paths[(n * 37) % size] as string);
    restarts.push(await timed(() => agent.restart()));
  }
  const stop = await timed(() => tree.stop());
  return { create, stop, restart: median(restarts) };
}

async function floor(): Promise<Figures> {
  await bareLife(FEW);
  await bareLife(FEW);
  return bareLife(MANY);
}

async function bareLife(size: number): Promise<Figures> {
  globalThis.gc?.();
  const begin = performance.now();
  const agents = bareAgents(size);
  const create = performance.now() - begin;
  const restarts: number[] = [];
  for (let n = 0; n < RESTARTS; n++) {
    const { ref } = agents[(n * 37) % size] as (typeof agents)[number];
    restarts.push(
      await timed(() => {
        bareEnd(ref, 1);
        bareStart(ref, 1);
      }),
    );
  }
  const stop = await timed(() => bareStop(agents));
  return { create, stop, restart: median(restarts) };
}

async function timed(act: () => unknown): Promise<number> {
  const begin = performance.now();
  await act();
  return performance.now() - begin;
}

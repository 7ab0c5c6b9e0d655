import { setTimeout as sleep } from 'node:timers/promises';
import type { SupervisorInput, Tree } from 'supertree';
import { SLEEP } from './bare.js';
import { BareSupervisor } from './bare-supervisor.js';
import { type Figures, type Measurement, plainRow, ratioRow } from './measurement.js';
import { median, quantile } from './statistics.js';
import { createTree } from './subject.js';

const ALIVE = 100;
const WARM_UP = 100;
const KILLS = 200;
const STORMS = 5;

/** From SIGKILL until the next one runs, without backoff. */
export const replacement: Measurement = {
  title: `SIGKILL until replaced in a tree in this process with ${ALIVE} alive, no backoff; the floor spawns in its exit handler, a turn later`,
  rounds: 3,
  seconds: 35,
  variants: {
    one_for_one: () => ours({ ...EAGER, children: ids().map((id) => ({ id, command: SLEEP })) }),
    pool: () => ours({ children: [{ ...EAGER, id: 'pool', pool: { size: ALIVE, agent: { command: SLEEP } } }] }),
    floor,
  },
  rows: (median) => [
    ratioRow('replace 1 p50, one_for_one', 'ms', median('one_for_one', 'p50'), median('floor', 'p50'), 1.5),
    ratioRow('replace 1 p50, pool', 'ms', median('pool', 'p50'), median('floor', 'p50'), 1.5),
    plainRow('replace 1 p99, one_for_one', 'ms', median('one_for_one', 'p99'), median('floor', 'p99')),
    plainRow('replace 1 p99, pool', 'ms', median('pool', 'p99'), median('floor', 'p99')),
    ratioRow(
      `replace ${ALIVE} at once, one_for_one`,
      'ms',
      median('one_for_one', 'storm'),
      median('floor', 'storm'),
      1.5,
    ),
    ratioRow(`replace ${ALIVE} at once, pool`, 'ms', median('pool', 'storm'), median('floor', 'storm'), 1.5),
  ],
};

const EAGER = { maxRestarts: 1_000_000, within: 60_000, backoff: { initial: 0, max: 0 } };

const ids = (): string[] => Array.from({ length: ALIVE }, (_, n) => `a${n}`);

/** Living processes by slot, and a way to hear of each that is ready. */
interface Crew {
  pids(): number[];
  onReady(listener: (() => void) | null): void;
}

async function ours(input: SupervisorInput): Promise<Figures> {
  const tree = createTree(input);
  const crew = crewOf(tree);
  await tree.start();
  const figures = await measure(crew);
  await tree.stop({ brutal: true });
  return figures;
}

/** Must be called before the tree is started: it learns the pids from the reports. */
function crewOf(tree: Tree): Crew {
  const pids = new Map<string, number>();
  let listener: (() => void) | null = null;
  tree.subscribe((report) => {
    if (report.type === 'started' && report.pid !== null) pids.set(report.path, report.pid);
    else if (report.type === 'ready') listener?.();
  });
  return {
    pids: () => [...pids.values()],
    onReady: (next) => {
      listener = next;
    },
  };
}

async function floor(): Promise<Figures> {
  let listener: (() => void) | null = null;
  const supervisor = new BareSupervisor(() => listener?.());
  await supervisor.start(ids().map(() => SLEEP));
  const figures = await measure({
    pids: () => supervisor.pids(),
    onReady: (next) => {
      listener = next;
    },
  });
  await supervisor.stop([...ids().keys()], 'SIGKILL');
  return figures;
}

async function measure(crew: Crew): Promise<Figures> {
  await sleep(200);
  const times: number[] = [];
  for (let n = 0; n < WARM_UP + KILLS; n++) times.push(await replaced(crew, [crew.pids()[n % ALIVE] as number]));
  const storms: number[] = [];
  for (let n = 0; n < STORMS; n++) storms.push(await replaced(crew, crew.pids()));
  const alone = times.slice(WARM_UP);
  return { p50: median(alone), p99: quantile(alone, 0.99), storm: median(storms) };
}

/** Kills these and waits until as many are ready; then gives the machine a moment of rest. */
async function replaced(crew: Crew, pids: readonly number[]): Promise<number> {
  let missing = pids.length;
  const done = new Promise<void>((resolve) => crew.onReady(() => void (--missing === 0 && resolve())));
  const begin = performance.now();
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await done;
  const ms = performance.now() - begin;
  crew.onReady(null);
  await sleep(2);
  return ms;
}

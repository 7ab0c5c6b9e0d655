import { boundRow, leastRow, type Measurement, type Medians, plainRow, type Row, ratioRow } from './measurement.js';
import { userRun } from './user-run.js';

/** How many agents there are: `--sizes=100,500` for a quick run. */
const SIZES = (process.env.SUPERTREE_BENCH_SIZES ?? '100,500,1000,2000,4000').split(',').map(Number);
const ROUNDS = Number(process.env.SUPERTREE_BENCH_ROUNDS ?? 3);

/** What the cost of one more agent may grow by, from 500 agents to any larger number. */
const GROWTH = 1.25;

/** The bundled server in a process of its own, driven through `supertree/client`, beside bare children and a bare ROUTER with the same rows. */
export const user: Measurement = {
  title: `what a user does with ${SIZES.join(' / ')} agents: the bundled server through supertree/client; the floor is bare Node and zeromq.js`,
  rounds: ROUNDS,
  seconds: Math.round(ROUNDS * SIZES.reduce((sum, size) => sum + 25 + size / 30, 0)),
  variants: Object.fromEntries(SIZES.map((size) => [String(size), () => userRun(size)])),
  rows: (median) => [...SIZES.flatMap((size) => rowsOf(median, size)), ...growthRows(median)],
};

function rowsOf(median: Medians, size: number): Row[] {
  const both = (figure: string) =>
    [median(String(size), `ours ${figure}`), median(String(size), `floor ${figure}`)] as const;
  const [memory, bareMemory] = both('memory');
  return [
    ratioRow(`spawn ${size}, all running`, 'ms', ...both('spawn'), 1),
    boundRow('  server loop blocked', 'ms', ...both('blocked'), 20),
    plainRow('  server cpu', 'ms', ...thousandth(both('spawn cpu'))),
    ratioRow(`stop ${size}, verified gone`, 'ms', ...both('stop'), 4),
    plainRow('  server loop blocked', 'ms', median(String(size), 'ours stop blocked'), null),
    plainRow('  server cpu', 'ms', ...thousandth(both('stop cpu'))),
    boundRow(`memory per agent at ${size}`, 'KB', memory, bareMemory, 40),
    leastRow(`list ${size}, sequential`, '/s', ...both('list 1'), 0.5),
    leastRow(`list ${size}, 64 in flight`, '/s', ...both('list 64'), 0.8),
    ratioRow('  bytes of one list', 'KB', ...thousandth(both('bytes')), 1.5),
    ratioRow('  client cpu for one list', 'us', ...both('list 64 cpu'), 1.5),
    leastRow(`status among ${size}, sequential`, '/s', ...both('status 1'), 0.5),
    leastRow(`status among ${size}, 64 in flight`, '/s', ...both('status 64'), 0.8),
    plainRow('  client cpu for one status', 'us', ...both('status 64 cpu')),
  ];
}

function thousandth([ours, floor]: readonly [number, number]): [number, number] {
  return [ours / 1000, floor / 1000];
}

/** The cost of one agent at each size, beside that at the smallest size from 500 on. */
function growthRows(median: Medians): Row[] {
  const [base, ...larger] = SIZES.filter((size) => size >= 500);
  if (base === undefined) return [];
  return larger.flatMap((size) =>
    Object.entries(COSTS).map(([what, cost]) => {
      const at = (agents: number) => cost((figure) => median(String(agents), `ours ${figure}`), agents);
      return ratioRow(`${what} for one agent of ${size} (floor: of ${base})`, 'us', at(size), at(base), GROWTH);
    }),
  );
}

type Cost = (figure: (name: string) => number, size: number) => number;

/** In us for one agent; memory in bytes. */
const COSTS: Readonly<Record<string, Cost>> = {
  spawn: (figure, size) => (figure('spawn') * 1000) / size,
  stop: (figure, size) => (figure('stop') * 1000) / size,
  'server cpu of a spawn': (figure, size) => figure('spawn cpu') / size,
  'server cpu of a stop': (figure, size) => figure('stop cpu') / size,
  'list row': (figure, size) => 1e6 / figure('list 1') / size,
  'list row, 64 in flight,': (figure, size) => 1e6 / figure('list 64') / size,
  status: (figure) => 1e6 / figure('status 64'),
};

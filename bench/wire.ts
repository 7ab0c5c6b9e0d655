import { Packr, Unpackr } from 'msgpackr';
import { boundRow, type Figures, leastRow, type Measurement, type Medians, plainRow, type Row } from './measurement.js';
import { median, quantile } from './statistics.js';
import { fanout } from './wire-fanout.js';
import { askOnce, load, type Slice } from './wire-load.js';
import { newKeys, openSide, type Side, type SideOrder } from './wire-side.js';

const DEPTHS = [1, 16, 256];
const SLICES = 3;
const SLICE = 300;
const WARM_UP = 1_000;
const AGENTS = 10;
const SUBSCRIBERS = 10;

/** Requests over a socket, against an echo that decodes and encodes the same documents. */
export const wire: Measurement = {
  title: `requests per second at depth ${DEPTHS.join(', ')}, and output of ${AGENTS} agents to ${SUBSCRIBERS} subscribers; the floor is a bare socket with msgpackr`,
  rounds: 2,
  seconds: 120,
  variants: {
    plain: () => requests(null),
    curve: () => requests(newKeys()),
    'fanout-ours': () => fanout('publisher', AGENTS, SUBSCRIBERS),
    'fanout-floor': () => fanout('floor-publisher', AGENTS, SUBSCRIBERS),
  },
  rows: (median) => [
    ...['plain', 'curve'].flatMap((variant) => CASES.flatMap(({ name }) => rowsOf(variant, name, median))),
    leastRow('output delivered', '/s', median('fanout-ours', 'rate'), median('fanout-floor', 'rate'), 0.6),
    boundRow('  lines missing', '', median('fanout-ours', 'gaps'), median('fanout-floor', 'gaps'), 0),
    plainRow('  server cpu for one delivery', 'us', median('fanout-ours', 'cpu'), median('fanout-floor', 'cpu')),
  ],
};

interface Case {
  readonly name: string;
  readonly agents: number;
  readonly type: string;
  readonly rest: (id: Buffer) => object;
}

const CASES: readonly Case[] = [
  {
    name: 'get_status',
    agents: 100,
    type: 'control_command',
    rest: (agent_id) => ({ agent_id, command_type: 'get_status' }),
  },
  { name: 'list of 100', agents: 100, type: 'list_agents_request', rest: () => ({}) },
  { name: 'list of 500', agents: 500, type: 'list_agents_request', rest: () => ({}) },
];

function rowsOf(variant: string, name: string, median: Medians): Row[] {
  const figures = (figure: string, depth: number) =>
    [median(variant, `ours ${name} ${depth} ${figure}`), median(variant, `floor ${name} ${depth} ${figure}`)] as const;
  const rows = DEPTHS.flatMap((depth) => [
    leastRow(`${name}, depth ${depth}, ${variant}`, '/s', ...figures('rate', depth), 0.6),
    plainRow('  p50', 'ms', ...figures('p50', depth)),
    plainRow('  p99', 'ms', ...figures('p99', depth)),
  ]);
  const deepest = DEPTHS.at(-1) ?? 1;
  return [...rows, plainRow(`  server cpu for one, depth ${deepest}`, 'us', ...figures('cpu', deepest))];
}

/** Both servers run at the same time and are asked by turns. */
async function requests(keys: SideOrder['keys']): Promise<Figures> {
  const figures: Record<string, number> = {};
  for (const agents of new Set(CASES.map((each) => each.agents))) {
    const cases = CASES.filter((each) => each.agents === agents);
    const ours = await openSide({ role: 'ours', agents, keys, answers: {} });
    const asked = await prepare(ours.socket, cases);
    const answers = Object.fromEntries(asked.map(({ type, answer }) => [type, answer]));
    const floor = await openSide({ role: 'floor', agents, keys, answers });
    for (const { name, request } of asked) Object.assign(figures, await compare({ ours, floor }, name, request));
    await Promise.all([ours.close(), floor.close()]);
  }
  return figures;
}

interface Asked {
  readonly name: string;
  readonly type: string;
  readonly request: Buffer;
  /** What ours answers, in hex. */
  readonly answer: string;
}

async function prepare(socket: Side['socket'], cases: readonly Case[]): Promise<Asked[]> {
  const list = await askOnce(socket, pack({ type: 'list_agents_request', request_id: 'first' }));
  const { agents } = unpackr.unpack(list) as { agents: { id: Buffer }[] };
  const id = agents[0]?.id ?? Buffer.alloc(16);
  const asked: Asked[] = [];
  for (const { name, type, rest } of cases) {
    const request = pack({ type, request_id: 'request-1', ...rest(id) });
    const answer = await askOnce(socket, request);
    if ((unpackr.unpack(answer) as { success: boolean }).success !== true) throw new Error(`${name} was refused`);
    asked.push({ name, type, request, answer: answer.toString('hex') });
  }
  return asked;
}

type Sides = Readonly<Record<'ours' | 'floor', Side>>;

async function compare(sides: Sides, name: string, request: Buffer): Promise<Figures> {
  const each = Object.entries(sides);
  for (const [, side] of each) await load(side, request, 16, WARM_UP);
  const figures: Record<string, number> = {};
  for (const depth of DEPTHS) {
    const slices = new Map<string, Slice[]>(each.map(([which]) => [which, []]));
    for (let n = 0; n < SLICES; n++) {
      for (const [which, side] of each) slices.get(which)?.push(await load(side, request, depth, SLICE));
    }
    for (const [which, list] of slices) {
      for (const [figure, value] of Object.entries(summary(list)))
        figures[`${which} ${name} ${depth} ${figure}`] = value;
    }
  }
  return figures;
}

function summary(slices: readonly Slice[]): Figures {
  const times = slices.flatMap((slice) => slice.times);
  return {
    rate: median(slices.map(({ rate }) => rate)),
    cpu: median(slices.map(({ cpu }) => cpu)),
    p50: median(times),
    p99: quantile(times, 0.99),
  };
}

const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });

function pack(message: object): Buffer {
  return packr.pack(message);
}

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { boundRow, type Measurement, type Medians, type Row, ratioRow } from './measurement.js';
import type { OpenSupervisor } from './supervisor.js';
import { openOtp } from './supervisors-otp.js';
import { openBare, openSupertree } from './supervisors-ours.js';
import { supervisorRun } from './supervisors-run.js';
import { openRunit } from './supervisors-runit.js';
import { openSupervisord } from './supervisors-supervisord.js';

const AGENTS = Number(process.env.SUPERTREE_BENCH_AGENTS ?? 500);
const ROUNDS = Number(process.env.SUPERTREE_BENCH_ROUNDS ?? 3);
const FIFTH = Math.floor(AGENTS / 5);

/** Another supervisor, measured where it is installed. */
interface Peer {
  readonly open: OpenSupervisor;
  readonly programs: readonly string[];
  /** The package of Debian that has them. */
  readonly package: string;
}

const PEERS: Readonly<Record<string, Peer>> = {
  supervisor: { open: openSupervisord, programs: ['supervisord'], package: 'supervisor' },
  runit: { open: openRunit, programs: ['runsvdir', 'runsv'], package: 'runit' },
  erlang: { open: openOtp, programs: ['erl', 'erlc'], package: 'erlang-base' },
};

const installed = Object.entries(PEERS).filter(([, { programs }]) => programs.every(isInstalled));
const missing = Object.entries(PEERS).filter(([, { programs }]) => !programs.every(isInstalled));
const opened: Readonly<Record<string, OpenSupervisor>> = {
  supertree: openSupertree,
  floor: openBare,
  ...Object.fromEntries(installed.map(([name, { open }]) => [name, open])),
};

/** The bundled server through `supertree/client` beside bare Node and other supervisors, all with the same agents. */
export const supervisors: Measurement = {
  title: `${AGENTS} sleeping agents of the bundled server through supertree/client, of bare Node (the floor), and of ${installed.map(([name]) => name).join(', ') || 'no other supervisor'}`,
  rounds: ROUNDS,
  seconds: ROUNDS * (20 + 15 * installed.length),
  variants: Object.fromEntries(Object.entries(opened).map(([name, open]) => [name, () => supervisorRun(open, AGENTS)])),
  rows: (median) => ROWS.map(([figure, row]) => ({ ...row(...both(median, figure)), peers: peersOf(median, figure) })),
  notes: missing.map(([name, peer]) => `${name}: not installed: apt-get install ${peer.package}`),
};

const ROWS: readonly (readonly [figure: string, (ours: number, floor: number) => Row])[] = [
  ['start', (ours, floor) => ratioRow(`server: start ${AGENTS}, all running`, 'ms', ours, floor, 1)],
  ['p50', (ours, floor) => ratioRow('server: replace 1 after SIGKILL, p50', 'ms', ours, floor, 1.3)],
  ['storm', (ours, floor) => ratioRow(`server: replace ${FIFTH} at once`, 'ms', ours, floor, 1)],
  ['stop', (ours, floor) => ratioRow(`server: stop ${FIFTH}, verified gone`, 'ms', ours, floor, 4)],
  ['memory', (ours, floor) => boundRow(`server: memory per agent at ${AGENTS}`, 'KB', ours, floor, 40)],
];

function both(median: Medians, figure: string): [ours: number, floor: number] {
  return [median('supertree', figure), median('floor', figure)];
}

function peersOf(median: Medians, figure: string): NonNullable<Row['peers']> {
  const names = Object.keys(PEERS);
  return Object.fromEntries(names.map((name) => [name, name in opened ? median(name, figure) : null]));
}

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/*
 * The long runs, one after another: `main.ts [NAME ...] [--frames N] [--requests N] [--silent N] [--rude N] [--seconds N]
 * [--agents N] [--lines N] [--incarnations N] [--kills N] [--members N] [--minutes N]
 * [--histories N] [--seed N] [--record]`. Without a name, all. Each has a process of its own. Ends with 1 when one of them failed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    frames: { type: 'string', default: '1000000' },
    requests: { type: 'string', default: '10000000' },
    silent: { type: 'string', default: '2000' },
    rude: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '20' },
    agents: { type: 'string', default: '1000' },
    lines: { type: 'string', default: '2000' },
    incarnations: { type: 'string', default: '10000' },
    kills: { type: 'string', default: '20' },
    members: { type: 'string', default: '100' },
    minutes: { type: 'string', default: '5' },
    histories: { type: 'string', default: '3000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    record: { type: 'boolean', default: false },
  },
});

interface Run {
  /** The program; that of its name if not given. */
  readonly program?: string;
  readonly what: string;
  readonly args: readonly string[];
  /** About how long it takes, in seconds, on two slow cores. */
  readonly seconds: number;
}

/** Frames, requests and histories per second that two slow cores manage. */
const PACE = { frames: 6_000, requests: 6_000, incarnations: 60, histories: 50 };

const {
  frames,
  requests,
  silent,
  rude,
  seconds,
  agents,
  lines,
  incarnations,
  kills,
  members,
  minutes,
  histories,
  seed,
  record,
} = values;
const RUNS: Readonly<Record<string, Run>> = {
  fuzz: { what: `${frames} hostile frames`, args: [frames], seconds: 5 + Number(frames) / PACE.frames },
  requests: { what: `${requests} requests`, args: [requests], seconds: 5 + Number(requests) / PACE.requests },
  connections: {
    what: `${silent} silent connections, ${rude} that send requests and do not read`,
    args: [silent, rude, seconds],
    seconds: 10 + Number(seconds),
  },
  deaf: {
    what: `peers that request all output of ${agents} agents with ${lines} lines each and do not read`,
    args: [agents, lines, seconds],
    seconds: 30 + Number(seconds),
  },
  keeper: {
    what: `${incarnations} incarnations that each leave a daemon, below a keeper, all cores busy`,
    args: [incarnations],
    seconds: 5 + Number(incarnations) / PACE.incarnations,
  },
  adoption: {
    what: `${kills} kills of a server with ${members} agents, which the next server takes over`,
    args: [kills, members],
    seconds: 10 + Number(kills) * 5,
  },
  losses: {
    what: `${kills} kills of a server with ${members} agents or of its keeper, or of both`,
    program: 'adoption',
    args: [kills, members, 'both'],
    seconds: 10 + Number(kills) * 5,
  },
  chaos: {
    what: `${minutes} minutes of kills of a server, of its keeper, and of both, at random moments, beside commands`,
    args: [String(Number(minutes) * 60), seed],
    seconds: 30 + Number(minutes) * 60,
  },
  otp: {
    what: `${histories} histories beside supervisors of OTP (needs erl and erlc)`,
    args: [histories, seed, ...(record ? ['--record'] : [])],
    seconds: 10 + Number(histories) / PACE.histories,
  },
};

const names = positionals.length === 0 ? Object.keys(RUNS) : positionals;
const failed: string[] = [];
for (const name of names) {
  const run = RUNS[name];
  if (run === undefined) {
    console.error(`there is no run ${name}; there are ${Object.keys(RUNS).join(', ')}`);
    process.exit(2);
  }
  if ((await perform(name, run)) !== 0) failed.push(name);
}
console.log(failed.length === 0 ? 'all passed' : `failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;

async function perform(name: string, run: Run): Promise<number | null> {
  const minutes = Math.ceil(run.seconds / 60);
  console.log(`${name}: ${run.what}; this takes about ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`);
  const file = new URL(`./${run.program ?? name}.ts`, import.meta.url).pathname;
  const began = performance.now();
  const child = spawn(process.execPath, ['--expose-gc', '--import', 'tsx', file, ...run.args], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  const took = Math.round((performance.now() - began) / 1000);
  console.log(`${name}: ${code === 0 ? 'passed' : 'FAILED'} after ${took} s`);
  return code;
}

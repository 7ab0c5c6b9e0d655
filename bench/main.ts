import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compileBench } from './compile.js';
import { endRun } from './end-run.js';
import { type Figures, isMet, type Measurement, type Row } from './measurement.js';
import { measurements } from './measurements.js';
import { median } from './statistics.js';
import { tableOf } from './table.js';

/*
 * `main.ts [NAME ...]`: measures everything, or what is named, and prints one table. Exit code 0 whether or not targets are met: a
 * busy machine is not a fault of the program. `--strict` makes a missed target exit code 1. `--sizes=100,500` shortens `user`, `--agents=20`
 * `supervisors` and `start`, and `--rounds=1` all three.
 */

const run = promisify(execFile);
const compiled = compileBench();
process.env.SUPERTREE_BENCH_DIST ??= new URL('../dist', import.meta.url).pathname;
const RUN_LIMIT = 300_000;

const args = process.argv.slice(2);
const strict = args.includes('--strict');
for (const option of ['sizes', 'agents', 'rounds']) passOn(option);
const names = args.filter((arg) => !arg.startsWith('--'));
await main(names.length === 0 ? Object.keys(measurements) : names);

async function main(wanted: readonly string[]): Promise<void> {
  const chosen = await Promise.all(wanted.map(async (name) => [name, await load(name)] as const));
  const seconds = chosen.reduce((sum, [, measurement]) => sum + measurement.seconds, 0);
  say(`node ${process.version}, ${cpus().length} cores, ${cpus()[0]?.model}; this takes about ${seconds} s`);
  warnIfBusy();
  const rows: Row[] = [];
  for (const [name, measurement] of chosen) rows.push(...(await measure(name, measurement)));
  const notes = chosen.flatMap(([, { notes = [] }]) => notes);
  process.stdout.write(`${[tableOf(rows), ...notes].join('\n')}\n`);
  const missed = rows.filter((row) => isMet(row) === false);
  say(`${missed.length} of ${rows.filter((row) => row.target !== null).length} targets missed`);
  if (strict && missed.length > 0) process.exitCode = 1;
}

/** `--sizes=100` reaches the workers as SUPERTREE_BENCH_SIZES. */
function passOn(option: string): void {
  const given = args.find((arg) => arg.startsWith(`--${option}=`));
  if (given !== undefined) process.env[`SUPERTREE_BENCH_${option.toUpperCase()}`] = given.slice(given.indexOf('=') + 1);
}

/** Medians and taking turns help against a slow machine, not against one that is slow for some runs and not for others. */
function warnIfBusy(): void {
  const load = loadavg()[0] ?? 0;
  if (load > cpus().length) say(`the machine is busy (load ${load.toFixed(1)}): the figures say little`);
}

async function load(name: string): Promise<Measurement> {
  const found = measurements[name];
  if (found !== undefined) return found();
  say(`there is no measurement ${name}; there are ${Object.keys(measurements).join(', ')}`);
  process.exit(2);
}

/** A B A B: the variants take turns. */
async function measure(name: string, measurement: Measurement): Promise<Row[]> {
  const { title, rounds, variants } = measurement;
  say(`${name}: ${title}`);
  const runs = new Map<string, Figures[]>(Object.keys(variants).map((variant) => [variant, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [variant, list] of runs) list.push(await runOnce(name, variant));
  }
  return measurement.rows((variant, figure) =>
    median((runs.get(variant) ?? []).map((figures) => figures[figure] as number)),
  );
}

/** Nothing of the run is left afterwards, whether it succeeds, fails, takes too long or is interrupted. */
async function runOnce(name: string, variant: string): Promise<Figures> {
  const directory = mkdtempSync(join(tmpdir(), 'supertree-bench-'));
  const measuring = [process.execPath, '--expose-gc', `${compiled}/worker.js`, name, variant];
  try {
    const guarded = [`${compiled}/guard.js`, directory, ...measuring];
    const measured = run(process.execPath, guarded, { timeout: RUN_LIMIT });
    // When the guard was killed, the measuring process still runs and holds its output open.
    const ended = once(measured.child, 'exit').then(() => endRun(directory));
    const [{ stdout }] = await Promise.all([measured, ended]);
    if (process.env.SUPERTREE_BENCH_VERBOSE) say(`  ${variant} ${stdout.trim()}`);
    return JSON.parse(stdout) as Figures;
  } finally {
    await endRun(directory);
    rmSync(directory, { recursive: true, force: true });
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

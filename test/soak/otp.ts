/*
 * Random histories of supervisors that start, restart and stop, lived through by us and by supervisors of OTP:
 * `tsx test/soak/otp.ts [COUNT] [SEED] [--record]`. A quarter of them are of whole trees, with a supervisor and a pool below another one, the
 * others of one engine. Prints the first histories in which they differ, and ends with 1. `--record` keeps what OTP did in
 * test/conformance/otp/*.txt, which the suite compares with ours without Erlang. Needs erl and erlc.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { liveInOtp, otpRelease } from '../conformance/otp/otp.js';
import { historiesIn, play } from '../conformance/otp/script.js';
import { playTree } from '../conformance/otp/tree-script.js';
import { treeWalks } from '../conformance/otp/tree-walk.js';
import { walks } from '../conformance/otp/walk.js';

interface Kind {
  readonly file: string;
  /** Which part of the histories is of this kind. */
  readonly share: number;
  walks(count: number, seed: number): string[][] | Promise<string[][]>;
  play(lines: readonly string[]): string[] | Promise<string[]>;
}

const KINDS: Readonly<Record<string, Kind>> = {
  'of one supervisor': { file: 'recorded.txt', share: 0.75, walks, play },
  'of a tree': { file: 'recorded-trees.txt', share: 0.25, walks: treeWalks, play: playTree },
};

/** Histories for one Erlang process. */
const BATCH = 1_000;

/** Differences that are printed. */
const SHOWN = 3;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { record: { type: 'boolean' } } });
const count = Number(positionals[0] ?? 3_000);
const seed = Number(positionals[1] ?? Date.now() % 2 ** 31);

const problem = await compareAll().catch((error: Error) => error.message);
if (problem !== null) console.error(problem);
process.exitCode = problem === null ? 0 : 1;

async function compareAll(): Promise<string | null> {
  const release = await otpRelease();
  const differences: string[] = [];
  for (const [name, kind] of Object.entries(KINDS)) {
    const found = await compare(name, kind, Math.round(count * kind.share), release);
    differences.push(...found);
  }
  return differences.length === 0 ? null : `\n${differences.slice(0, SHOWN).join('\n\n')}`;
}

async function compare(name: string, kind: Kind, histories: number, release: string): Promise<string[]> {
  const began = performance.now();
  const title = `${histories} histories ${name}, seed ${seed}, OTP ${release}`;
  const parts: string[] = [];
  const differences: string[] = [];
  let steps = 0;
  for (let from = 0; from < histories; from += BATCH) {
    const walked = await kind.walks(Math.min(BATCH, histories - from), seed + from);
    const seen = await liveInOtp(walked);
    parts.push(seen);
    steps += walked.reduce((sum, lines) => sum + lines.length - 1, 0);
    differences.push(...(await differencesIn(kind, walked, historiesIn(seen))));
  }
  if (values.record) await record(kind.file, [`${title}\n`, ...parts]);
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(`${title}: ${steps} steps, ${differences.length} differ; ${seconds} s`);
  return differences;
}

async function differencesIn(kind: Kind, walked: readonly string[][], seen: readonly string[][]): Promise<string[]> {
  const differences: string[] = [];
  for (const [index, lines] of walked.entries()) {
    const ours = await kind.play(lines);
    const theirs = seen[index] ?? [];
    if (ours.join('\n') !== theirs.join('\n')) differences.push(difference(ours, theirs));
  }
  return differences;
}

/** The history up to the first line at which they differ. */
function difference(ours: readonly string[], theirs: readonly string[]): string {
  const index = ours.findIndex((line, at) => line !== theirs[at]);
  return [...ours.slice(0, index), `ours: ${ours[index]}`, `OTP:  ${theirs[index]}`].join('\n');
}

function record(file: string, parts: readonly string[]): Promise<void> {
  return writeFile(new URL(`../conformance/otp/${file}`, import.meta.url), parts.join(''));
}

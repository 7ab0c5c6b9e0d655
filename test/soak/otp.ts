/*
 * Random histories of a supervisor that starts, restarts and stops, lived through by the engine and by a supervisor of OTP:
 * `tsx test/soak/otp.ts [COUNT] [SEED] [--record]`. Prints the first histories in which they differ, and ends with 1. `--record` keeps what OTP did in
 * test/conformance/otp/recorded.txt, which the suite compares with the engine without Erlang. Needs erl and erlc.
 */
import { appendFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { liveInOtp, otpRelease } from '../conformance/otp/otp.js';
import { historiesIn, play } from '../conformance/otp/script.js';
import { walks } from '../conformance/otp/walk.js';

const RECORDED = new URL('../conformance/otp/recorded.txt', import.meta.url);

/** Histories for one Erlang process. */
const BATCH = 2_000;

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
  if (values.record) await writeFile(RECORDED, `${count} histories, seed ${seed}, OTP ${release}\n`);
  const began = performance.now();
  const tally = { steps: 0, differences: [] as string[] };
  for (let from = 0; from < count; from += BATCH) await compare(Math.min(BATCH, count - from), seed + from, tally);
  const seconds = Math.round((performance.now() - began) / 1000);
  const { steps, differences } = tally;
  console.log(
    `${count} histories, ${steps} steps, seed ${seed}, OTP ${release}: ${differences.length} differ; ${seconds} s\n`,
  );
  return differences.length === 0 ? null : differences.slice(0, SHOWN).join('\n\n');
}

async function compare(size: number, from: number, tally: { steps: number; differences: string[] }): Promise<void> {
  const histories = walks(size, from);
  const seen = await liveInOtp(histories);
  if (values.record) await appendFile(RECORDED, seen);
  for (const [index, theirs] of historiesIn(seen).entries()) {
    const ours = play(histories[index] as string[]);
    tally.steps += ours.length - 1;
    if (ours.join('\n') !== theirs.join('\n')) tally.differences.push(difference(ours, theirs));
  }
}

/** The history up to the first line at which they differ. */
function difference(ours: readonly string[], theirs: readonly string[]): string {
  const index = ours.findIndex((line, at) => line !== theirs[at]);
  return [...ours.slice(0, index), `engine: ${ours[index]}`, `OTP:    ${theirs[index]}`].join('\n');
}

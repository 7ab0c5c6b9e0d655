import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { endRun, processesOf } from '../../bench/end-run.js';

const GUARD = fileURLToPath(new URL('../../bench/guard.ts', import.meta.url));

/** A server that starts an agent again as soon as it ends, in a session of its own as a keeper has, and a measuring process that waits. */
const SERVER = 'while :; do sleep 600; done';
const MEASURING = `setsid sh -c '${SERVER}' & sleep 600`;

interface Run {
  readonly directory: string;
  readonly guard: ChildProcess;
}

const directories: string[] = [];

/** The guard as JavaScript: tsx, by which a benchmark runs it, takes most of the time of a run. */
const program = mkdtempSync(join(tmpdir(), 'supertree-guard-'));
const guardFile = join(program, 'guard.mjs');
beforeAll(async () => {
  await build({ entryPoints: [GUARD], outfile: guardFile, bundle: true, platform: 'node', format: 'esm' });
});
afterAll(() => rmSync(program, { recursive: true }));

/** What is left when a test fails. */
afterEach(async () => {
  for (const directory of directories.splice(0)) {
    await endRun(directory);
    rmSync(directory, { recursive: true, force: true });
  }
});

function spawnGuard(script: string): Run {
  const directory = mkdtempSync(join(tmpdir(), 'supertree-bench-'));
  directories.push(directory);
  const args = [guardFile, directory, 'sh', '-c', script];
  return { directory, guard: spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'inherit'] }) };
}

/** Resolves when the measuring process with its own sleep, the server and the agent run. */
async function startRun(): Promise<Run> {
  const run = spawnGuard(MEASURING);
  await expect.poll(() => processesOf(run.directory).length, { interval: 50 }).toBeGreaterThanOrEqual(4);
  return run;
}

function childOf({ pid }: ChildProcess): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0]);
}

describe('the guard of a measuring process', () => {
  const ends: Readonly<Record<string, (run: Run) => void>> = {
    'the measuring process is killed with SIGKILL': ({ guard }) => process.kill(childOf(guard), 'SIGKILL'),
    'the program above is killed, so that standard input ends': ({ guard }) => guard.stdin?.destroy(),
    'it gets SIGTERM, as after the time limit': ({ guard }) => guard.kill('SIGTERM'),
    'it gets SIGINT, as by Ctrl-C': ({ guard }) => guard.kill('SIGINT'),
    'it gets SIGHUP, as from a terminal that is closed': ({ guard }) => guard.kill('SIGHUP'),
  };

  for (const [when, end] of Object.entries(ends))
    it(`ends all processes of the run and removes its directory when ${when}`, async () => {
      const run = await startRun();
      const exit = once(run.guard, 'exit');
      end(run);
      expect((await exit)[0]).toBe(1);
      expect(processesOf(run.directory)).toEqual([]);
      expect(existsSync(run.directory)).toBe(false);
    });

  it('passes on the exit code of a measuring process that leaves its server behind', async () => {
    const server = `setsid sh -c 'touch "$TMPDIR/runs"; ${SERVER}' &`;
    const { directory, guard } = spawnGuard(`${server} until [ -e "$TMPDIR/runs" ]; do sleep 0.05; done; exit 3`);
    expect((await once(guard, 'exit'))[0]).toBe(3);
    expect(processesOf(directory)).toEqual([]);
  });

  it('leaves what the program above can end when the guard itself is killed', async () => {
    const { directory, guard } = await startRun();
    const exit = once(guard, 'exit');
    guard.kill('SIGKILL');
    await exit;
    await endRun(directory);
    expect(processesOf(directory)).toEqual([]);
  });
});

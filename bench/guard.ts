import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { endRun, RUN } from './end-run.js';

/*
 * `guard.ts DIRECTORY COMMAND [ARG ...]`: runs a measuring process, and outlives it and who started it. When the measuring process ends in any way,
 * when a signal asks the guard to end, or when its standard input ends because the program at the other end has ended, it kills what is left
 * of the run: measured servers with keepers and agents, floors, other supervisors. The directory, which names the run, is the one for temporary
 * files of the run and is removed.
 */

const [directory = '', command = '', ...args] = process.argv.slice(2);
const env = { ...process.env, [RUN]: directory, TMPDIR: directory, XDG_RUNTIME_DIR: directory };
// Before anything is started that it would leave behind.
const end = asked();
const measuring = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
process.exitCode = await Promise.race([ended(), end]);
try {
  await endRun(directory);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
process.exit();

/** The exit code of the measuring process, 1 when a signal ended it. */
async function ended(): Promise<number> {
  const [code] = (await once(measuring, 'exit')) as [number | null];
  return code ?? 1;
}

function asked(): Promise<number> {
  return new Promise((resolve) => {
    process.stdin.resume().once('close', () => resolve(1));
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve(1));
  });
}

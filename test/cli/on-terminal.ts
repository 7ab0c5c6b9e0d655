import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { PROGRAM, PYTHON, ROOT } from '../program.js';
import { environment } from './process.js';

const RIG = join(ROOT, 'test/fixtures/on-terminal.py');

/** `supertree` on a pseudo terminal of 24 rows and 160 columns. */
export interface OnTerminal {
  /** Its process id. */
  readonly pid: Promise<number>;
  /** What reached the terminal so far. */
  readonly out: () => string;
  readonly type: (keys: string) => void;
  /** The exit code, 128 and the signal's number where a signal ended it, and all that reached the terminal. */
  readonly ended: Promise<{ code: number; out: string }>;
}

/** Starts `supertree ARGV` against the server at `endpoint`. */
export function onTerminal(argv: readonly string[], endpoint: string, env: NodeJS.ProcessEnv = {}): OnTerminal {
  const child = spawn(PYTHON, [RIG, '24', '160', ...PROGRAM, ...argv], {
    cwd: ROOT,
    env: { ...environment(endpoint), TERM: 'xterm', ...env },
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  const pid = once(child.stderr.setEncoding('utf8'), 'data').then(([line]) => Number(line));
  const ended = once(child, 'close').then(([code]) => ({ code, out }));
  return { pid, out: () => out, type: (keys) => child.stdin.write(keys), ended };
}

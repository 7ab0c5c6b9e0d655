import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRunning } from '../e2e/proc.js';
import { PROGRAM, ROOT } from '../program.js';
import { type Served, scratch, served, until } from './process.js';

/** Prints more than a pipe holds, then nothing more. */
const noisy = { id: 'noisy', command: ['sh', '-c', 'yes line | head -c 500000; exec sleep 1000'] };

let server: Served;

beforeAll(async () => {
  server = await served({ children: [noisy] });
});

afterAll(() => server.close());

describe('a command without a reader of its output', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('ends with the first %s', async (signal) => {
    const [command, ...args] = PROGRAM;
    const env = { ...process.env, SUPERTREE_ENDPOINT: server.endpoint };
    const child = spawn(command, [...args, 'logs', 'noisy', '-f'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    // Its first bytes show that it runs; then its pipe fills up.
    await once(child.stdout, 'readable');
    await sleep(1_000);
    child.kill(signal);
    const [code] = await ended;
    expect(code).toBe(signal === 'SIGTERM' ? 143 : 130);
    child.stdout.destroy();
  });
});

describe('serve', () => {
  it('that was stopped cleanly exits with 0, also when its log could not be written', async () => {
    const place = await scratch();
    const [command, ...args] = PROGRAM;
    const child = spawn(command, [...args, 'serve', '--endpoint', place.endpoint], {
      stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    });
    let output = '';
    child.stderr?.on('data', (text) => {
      output += String(text);
    });
    await until(() => output.includes('LOG_FILE'));
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    await place.remove();
  });
});

/** DECSET 1049, the alternate screen; `h` enters it, `l` leaves it. */
const SWITCH = '\x1b[?1049';

/** Runs `top` on a terminal, a pseudo one of util-linux, and resolves with all that reached it once it was sent `signal`. */
async function topUntil(signal: NodeJS.Signals): Promise<string> {
  const place = await scratch();
  const [record, pid] = [join(place.path, 'terminal'), join(place.path, 'pid')];
  await writeFile(pid, '');
  const line = `echo $$ > ${pid}; exec ${PROGRAM.map((word) => `'${word}'`).join(' ')} top`;
  const env = { ...process.env, TERM: 'xterm', SUPERTREE_ENDPOINT: server.endpoint };
  const child = spawn('script', ['-qfec', `sh -c "${line}"`, record], {
    env,
    cwd: ROOT,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const ended = once(child, 'exit');
  const shown = () => readFile(record, 'utf8');
  await until(async () => (await shown()).includes('noisy'));
  const target = Number(await readFile(pid, 'utf8'));
  process.kill(target, signal);
  if (signal === 'SIGTSTP') {
    await suspend(target, child, async () => switchesIn(await shown()));
    await until(async () => isRestored(await shown()));
    child.kill('SIGKILL');
  }
  await ended;
  const text = await shown();
  await place.remove();
  return text;
}

/**
 * Continues `top` after SIGTSTP and ends it.
 * 1. SIGCONT discards a SIGTSTP that is still pending (signal(7)), so it is sent only once `top` has left the alternate screen.
 * 2. `top` stops itself right after that, and `script` stops with it, maybe before it has read what `top` wrote last: only `script` is continued until then.
 * 3. `script` may miss a stop or see one twice, so both are continued until `top` has entered the screen again, and until it has left it for good.
 */
async function suspend(target: number, script: ChildProcess, switches: () => Promise<string>): Promise<void> {
  const resumedUntil = (expected: string) =>
    until(async () => {
      script.kill('SIGCONT');
      if (isRunning(target)) process.kill(target, 'SIGCONT');
      return (await switches()) === expected;
    });
  await until(async () => script.kill('SIGCONT') && (await switches()).startsWith('hl'));
  await resumedUntil('hlh');
  process.kill(target, 'SIGTERM');
  await resumedUntil('hlhl');
}

/** The switches of the screen in what reached the terminal, in their order. */
function switchesIn(text: string): string {
  return text
    .split(SWITCH)
    .slice(1)
    .map(([first]) => first)
    .join('');
}

/** The cursor is shown again. */
function isRestored(text: string): boolean {
  return text.lastIndexOf('\x1b[?25h') > text.lastIndexOf('\x1b[?25l');
}

describe('top', () => {
  it.each(['SIGQUIT', 'SIGHUP', 'SIGTERM', 'SIGTSTP'] as const)(
    'leaves the terminal as it was on %s',
    async (signal) => {
      const text = await topUntil(signal);
      // Left before it was stopped, entered when it was continued, left again.
      expect(switchesIn(text)).toBe(signal === 'SIGTSTP' ? 'hlhl' : 'hl');
      expect(isRestored(text)).toBe(true);
    },
  );
});

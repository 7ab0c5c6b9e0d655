import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
  const shown = () => readFile(record, 'utf8');
  await until(async () => (await shown()).includes('noisy'));
  const target = Number(await readFile(pid, 'utf8'));
  process.kill(target, signal);
  if (signal === 'SIGTSTP') {
    // `script` stops with what it runs and continues it, but may miss a stop, or read of one twice: both are continued until both are done.
    const goOn = () => child.kill('SIGCONT') && process.kill(target, 'SIGCONT');
    await until(async () => goOn() && (await shown()).split(`${SWITCH}h`).length > 2);
    process.kill(target, 'SIGTERM');
    await until(() => !goOn());
  } else await once(child, 'exit');
  const text = await shown();
  await place.remove();
  return text;
}

describe('top', () => {
  it.each(['SIGQUIT', 'SIGHUP', 'SIGTERM', 'SIGTSTP'] as const)(
    'leaves the terminal as it was on %s',
    async (signal) => {
      const text = await topUntil(signal);
      // Left before it was stopped, entered when it went on, left again.
      const switches = text.split(SWITCH).slice(1);
      expect(switches.map(([first]) => first).join('')).toBe(signal === 'SIGTSTP' ? 'hlhl' : 'hl');
      expect(text.lastIndexOf('\x1b[?25h')).toBeGreaterThan(text.lastIndexOf('\x1b[?25l'));
    },
  );
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processFacts } from '../e2e/proc.js';
import { PROGRAM } from '../program.js';
import { type OnTerminal, onTerminal } from './on-terminal.js';
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

/** Starts `top` on a terminal and resolves once it shows the agent. */
async function top(): Promise<OnTerminal & { target: number }> {
  const terminal = onTerminal(['top'], server.endpoint);
  await until(() => terminal.out().includes('noisy'));
  return { ...terminal, target: await terminal.pid };
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
  it.each(['SIGQUIT', 'SIGHUP', 'SIGTERM'] as const)('leaves the terminal as it was on %s', async (signal) => {
    const { target, ended } = await top();
    process.kill(target, signal);
    const { code, out } = await ended;
    expect(code).toBe(128 + constants.signals[signal]);
    expect(switchesIn(out)).toBe('hl');
    expect(isRestored(out)).toBe(true);
  });

  it('leaves the terminal as it was while it is suspended by SIGTSTP, and draws again when it continues', async () => {
    const { target, ended, out } = await top();
    process.kill(target, 'SIGTSTP');
    // SIGCONT would discard a SIGTSTP that is still pending (signal(7)).
    await until(() => processFacts(target)?.state === 'T');
    await until(() => switchesIn(out()) === 'hl' && isRestored(out()));
    process.kill(target, 'SIGCONT');
    await until(() => switchesIn(out()) === 'hlh');
    process.kill(target, 'SIGTERM');
    expect(switchesIn((await ended).out)).toBe('hlhl');
  });
});

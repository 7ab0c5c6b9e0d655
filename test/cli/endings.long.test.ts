import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PROGRAM } from '../program.js';
import { onTerminal } from './on-terminal.js';
import { environment, type Served, servedHere, until } from './process.js';

/** Prints more than a pipe holds, then nothing more. */
const noisy = { id: 'noisy', command: ['sh', '-c', 'yes $(printf %01000d 0) | head -c 500000; exec sleep 1000'] };

let server: Served;

beforeAll(async () => {
  server = await servedHere({ children: [noisy] });
});

afterAll(() => server.close());

it('a command without a reader of its output ends with the first SIGINT', async () => {
  const [command, ...args] = PROGRAM;
  const env = environment(server.endpoint);
  const child = spawn(command, [...args, 'logs', 'noisy', '-f'], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'exit');
  // Its first bytes show that it runs; then its pipe fills up.
  await once(child.stdout, 'readable');
  await sleep(1_000);
  child.kill('SIGINT');
  expect(await ended).toEqual([130, null]);
  child.stdout.destroy();
});

it('top leaves the terminal as it was on SIGHUP', async () => {
  const terminal = onTerminal(['top'], server.endpoint);
  await until(() => terminal.out().includes('noisy'));
  process.kill(await terminal.pid, 'SIGHUP');
  const { code, out } = await terminal.ended;
  expect(code).toBe(129);
  // DECSET 1049, the alternate screen, and 25, the cursor.
  const switches = out.split('\x1b[?1049').slice(1);
  expect(switches.map(([first]) => first)).toEqual(['h', 'l']);
  expect(out.lastIndexOf('\x1b[?25h')).toBeGreaterThan(out.lastIndexOf('\x1b[?25l'));
});

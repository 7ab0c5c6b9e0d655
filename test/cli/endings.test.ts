import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/client/client.js';
import { processFacts } from '../e2e/proc.js';
import { PROGRAM } from '../program.js';
import { type OnTerminal, onTerminal } from './on-terminal.js';
import { type Served, scratch, servedHere, until } from './process.js';

/** Prints more than a pipe holds, then nothing more. */
const noisy = { id: 'noisy', command: ['sh', '-c', 'yes $(printf %01000d 0) | head -c 500000; exec sleep 1000'] };

let server: Served;

beforeAll(async () => {
  server = await servedHere({ children: [noisy] });
});

afterAll(() => server.close());

describe('a command without a reader of its output', () => {
  it('ends with the first SIGTERM', async () => {
    const [command, ...args] = PROGRAM;
    const env = { ...process.env, SUPERTREE_ENDPOINT: server.endpoint };
    const child = spawn(command, [...args, 'logs', 'noisy', '-f'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    // Its first bytes show that it runs; then its pipe fills up.
    await once(child.stdout, 'readable');
    await sleep(1_000);
    child.kill('SIGTERM');
    const [code] = await ended;
    expect(code).toBe(143);
    child.stdout.destroy();
  });
});

describe('serve', () => {
  it('says on standard error, once, that its log cannot be written, works on, and exits with 0 when it is stopped', async () => {
    const place = await scratch();
    const [command, ...args] = PROGRAM;
    const full = openSync('/dev/full', 'w');
    const child = spawn(command, [...args, 'serve', '--endpoint', place.endpoint], { stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    let complained = '';
    child.stderr?.on('data', (text) => {
      complained += String(text);
    });
    const closed = once(child, 'close');
    const client = await connect({ endpoint: place.endpoint, wait: 60_000 });
    expect(await client.spawn({ id: 'a', command: ['cat'] })).toMatchObject({ state: 'running' });
    expect(await client.restart('a')).toMatchObject({ state: 'running' });
    await client.close();
    child.kill('SIGTERM');
    expect(await closed).toEqual([0, null]);
    expect(complained.match(/LOG_FILE: The log on standard output cannot be written: ENOSPC/g)).toHaveLength(1);
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
  it('ends with q and with Ctrl-C', async () => {
    for (const key of ['q', '\x03']) {
      const { type, ended } = await top();
      type(key);
      const { code, out } = await ended;
      expect(code).toBe(0);
      expect(out).toContain('1 agent: 1 running');
      expect(out).toContain('root/noisy');
      expect(out.endsWith('\x1b[?1049l')).toBe(true);
    }
  });

  it('goes on without a keyboard', async () => {
    const { out } = await server.supertree('top', '-n', '2', '--interval', '1');
    expect(out.match(/^root\/noisy /gm)).toHaveLength(2);
  });

  it('leaves the terminal as it was on SIGQUIT', async () => {
    const { target, ended } = await top();
    process.kill(target, 'SIGQUIT');
    const { code, out } = await ended;
    expect(code).toBe(128 + constants.signals.SIGQUIT);
    expect(switchesIn(out)).toBe('hl');
    expect(isRestored(out)).toBe(true);
  });

  it('leaves the terminal as it was while it is suspended by SIGTSTP, draws again when it continues, and restores it on SIGTERM', async () => {
    const { target, ended, out } = await top();
    process.kill(target, 'SIGTSTP');
    // SIGCONT would discard a SIGTSTP that is still pending (signal(7)).
    await until(() => processFacts(target)?.state === 'T');
    await until(() => switchesIn(out()) === 'hl' && isRestored(out()));
    process.kill(target, 'SIGCONT');
    await until(() => switchesIn(out()) === 'hlh');
    process.kill(target, 'SIGTERM');
    const { code, out: all } = await ended;
    expect(code).toBe(128 + constants.signals.SIGTERM);
    expect(switchesIn(all)).toBe('hlhl');
    expect(isRestored(all)).toBe(true);
  });
});

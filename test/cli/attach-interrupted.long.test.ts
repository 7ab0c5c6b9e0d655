import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OnTerminal, onTerminal } from './on-terminal.js';
import { ask, launch, type Process, scratch, until } from './process.js';

const DETACH = '\x1d';
const RESTORED = '\x1b[?2004l\x1b[0m';

let place: Awaited<ReturnType<typeof scratch>>;
let server: Process;
const supertree = (...argv: string[]) => ask(argv, place.endpoint);

beforeEach(async () => {
  place = await scratch();
  server = launch(['serve'], { endpoint: place.endpoint });
  await until(async () => (await supertree('ps')).code === 0);
  const shell = ['sh', '-c', 'stty -echo; PS1= exec sh -i'];
  expect((await supertree('spawn', 'a', '--restart', 'temporary', '--pty', '--', ...shell)).code).toBe(0);
});
afterEach(async () => {
  if (server.child.exitCode === null && server.child.signalCode === null) {
    await supertree('kill', 'a');
    server.child.kill('SIGTERM');
    await server.finished;
  }
  await place.remove();
});

const shows = (terminal: OnTerminal, text: string) => until(() => terminal.out().includes(text));

async function attached(name = 'a'): Promise<{ terminal: OnTerminal; pid: number; device: string }> {
  const terminal = onTerminal(['attach', name], place.endpoint);
  await shows(terminal, 'Attached; Ctrl-] detaches.');
  const pid = await terminal.pid;
  const device = readlinkSync(`/proc/${pid}/fd/0`);
  await until(() => isRaw(device));
  return { terminal, pid, device };
}

const isRaw = (device: string) => modes(device).includes('-icanon') && modes(device).includes('-echo ');
const modes = (device: string) => execFileSync('stty', ['-F', device, '-a']).toString();
const stateOf = (pid: number) => /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
const resize = (device: string, rows: number, columns: number) =>
  execFileSync('stty', ['-F', device, 'rows', String(rows), 'cols', String(columns)]);

describe('supertree attach', () => {
  it('gives the terminal back while it is suspended (SIGTSTP), and takes it again when it goes on (SIGCONT)', async () => {
    const { terminal, pid, device } = await attached();
    for (const turn of ['one', 'two']) {
      process.kill(pid, 'SIGTSTP');
      await until(() => stateOf(pid) === 'T');
      expect(isRaw(device)).toBe(false);
      expect(modes(device)).toMatch(/(^|\s)opost/m);
      await shows(terminal, RESTORED);
      resize(device, 40, turn === 'one' ? 101 : 102);
      process.kill(pid, 'SIGCONT');
      await until(() => isRaw(device) && modes(device).includes('-opost'));
      terminal.type(`stty size; echo aft'er' ${turn}\r`);
      await shows(terminal, `after ${turn}\r\n`);
      expect(terminal.out()).toContain(turn === 'one' ? '40 101\r\n' : '40 102\r\n');
    }
    terminal.type(DETACH);
    expect((await terminal.ended).code).toBe(0);
  });

  it.each(['SIGINT', 'SIGQUIT'] as const)('restores the terminal at %s', async (signal) => {
    const { terminal, pid } = await attached();
    process.kill(pid, signal);
    const { code, out } = await terminal.ended;
    expect(out).toContain(RESTORED);
    expect(code).toBe(128 + constants.signals[signal]);
  });

  it('restores the terminal and says why when the server is killed', async () => {
    const { terminal } = await attached();
    server.child.kill('SIGKILL');
    const { code, out } = await terminal.ended;
    expect(code).toBe(3);
    expect(out.slice(out.lastIndexOf(RESTORED))).toMatch(/NO_SERVER: .*\./);
  });

  it('restores the terminal and says how the agent ended when the server is stopped', async () => {
    await supertree('kill', 'a'); // an interactive shell ignores SIGTERM
    await supertree('spawn', 'b', '--restart', 'temporary', '--pty', '--', 'sleep', '300');
    const { terminal } = await attached('b');
    server.child.kill('SIGTERM');
    const { code, out } = await terminal.ended;
    const last = out.slice(out.lastIndexOf(RESTORED) + RESTORED.length).trim();
    expect(last).toMatch(/^(root\/b has ended: .*\.|NO_SERVER: .*)$/);
    expect(code).toBe(last.startsWith('NO_SERVER') ? 3 : 143);
    await server.finished;
  });

  it('refuses an agent that does not run, and ends when its agent is restarted', async () => {
    await supertree('spawn', 'b', '--pty', '--', 'sleep', '300');
    await supertree('stop', 'b');
    const still = await onTerminal(['attach', 'b'], place.endpoint).ended;
    expect(still).toMatchObject({ code: 1, out: expect.stringContaining('INVALID_STATE') });
    await supertree('start', 'b');
    const { terminal } = await attached('b');
    await supertree('restart', 'b');
    expect((await terminal.ended).code).toBe(143);
    expect((await supertree('status', 'b')).out).toContain('running');
  });

  it('gives the agent the size of a terminal that is attached again', async () => {
    for (const _turn of [1, 2]) {
      const { terminal, device } = await attached();
      terminal.type('stty size\r');
      await shows(terminal, '24 160\r\n');
      resize(device, 30, 100);
      await until(() => {
        terminal.type('stty size\r');
        return terminal.out().includes('30 100\r\n');
      });
      terminal.type(DETACH);
      expect((await terminal.ended).code).toBe(0);
    }
  });

  it('gives the agent the size of the terminal that was attached or resized last', async () => {
    const [one, two] = [await attached(), await attached()];
    const size = async (expected: string) => {
      two.terminal.type(`echo size $(stty size)\r`);
      await shows(two.terminal, `size ${expected}\r\n`);
    };
    await size('24 160');
    resize(one.device, 30, 100);
    await shows(one.terminal, 'size 24 160\r\n');
    await until(async () => {
      two.terminal.type('echo now $(stty size)\r');
      return two.terminal.out().includes('now 30 100');
    });
    resize(two.device, 20, 70);
    await until(async () => {
      two.terminal.type('echo now $(stty size)\r');
      return two.terminal.out().includes('now 20 70');
    });
    const three = await attached();
    await size('24 160');
    for (const { terminal } of [one, two, three]) {
      terminal.type(DETACH);
      expect((await terminal.ended).code).toBe(0);
    }
  });
});

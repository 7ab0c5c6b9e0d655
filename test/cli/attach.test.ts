import { execFileSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OnTerminal, onTerminal } from './on-terminal.js';
import { ask, launch, type Served, servedHere, until } from './process.js';

const DETACH = '\x1d';
const RESTORED = '\x1b[?2004l\x1b[0m\r\n';

describe('supertree attach', () => {
  let server: Served;
  let names = 0;
  beforeAll(async () => {
    server = await servedHere();
  });
  afterAll(() => server?.close());

  /** Adds an agent with a terminal; resolves with its name. */
  async function added(...command: string[]): Promise<string> {
    const name = `a${++names}`;
    const result = await server.supertree('spawn', name, '--restart', 'temporary', '--pty', '--', ...command);
    expect(result.code).toBe(0);
    return name;
  }

  async function attached(name: string): Promise<OnTerminal> {
    const terminal = onTerminal(['attach', name], server.endpoint);
    await shows(terminal, 'Attached; Ctrl-] detaches.');
    return terminal;
  }

  const shows = (terminal: OnTerminal, text: string) => until(() => terminal.out().includes(text));
  const shell = () => added('sh', '-c', 'stty -echo; PS1= exec sh -i');

  it('passes keys and output on, over a detachment and a pause, and has the exit code of the agent', async () => {
    const name = await shell();
    const first = await attached(name);
    first.type('stty size; test -t 1 && echo is a terminal\r');
    await shows(first, '24 160\r\n');
    await shows(first, 'is a terminal\r\n');
    first.type(`echo before${DETACH}echo after\r`);
    const detached = await first.ended;
    expect(detached.code).toBe(0);
    expect(detached.out).toContain(`${RESTORED}Detached from root/${name}, which runs on.`);
    const second = await attached(name);
    await server.supertree('pause', name);
    second.type("\recho th'en'\r");
    await server.supertree('resume', name);
    await shows(second, 'then');
    second.type('exit 7\r');
    const ended = await second.ended;
    expect(ended.code).toBe(7);
    expect(ended.out).toContain(`before\r\n`);
    expect(ended.out).not.toContain('after');
    expect(ended.out).toContain(`${RESTORED}root/${name} has ended: exit code 7.`);
  });

  it('gives the agent the size of the terminal, and each size that follows', async () => {
    const name = await added('sh', '-c', 'trap "stty size" WINCH; while :; do sleep 1 & wait; done');
    const terminal = await attached(name);
    await shows(terminal, '24 160\r\n');
    const device = readlinkSync(`/proc/${await terminal.pid}/fd/0`);
    execFileSync('stty', ['-F', device, 'rows', '30', 'cols', '100']);
    await shows(terminal, '30 100\r\n');
    terminal.type(DETACH);
    expect((await terminal.ended).code).toBe(0);
  });

  it('interrupts what the agent runs in the foreground by Ctrl-C, and attaches several at once', async () => {
    const name = await shell();
    const one = await attached(name);
    const two = await attached(name);
    one.type("trap 'echo interr'upted INT; echo wai'ting'; cat\r");
    await shows(two, 'waiting');
    two.type('\x03');
    for (const each of [one, two]) await shows(each, 'interrupted');
    one.type(DETACH);
    await one.ended;
    two.type('echo s\xc3\xa9; exit 3\r');
    expect((await two.ended).code).toBe(3);
  });

  it('ends with the number of the signal when the agent is killed', async () => {
    const name = await shell();
    const killed = await attached(name);
    await server.supertree('kill', name);
    expect(await killed.ended).toMatchObject({ code: 137, out: expect.stringContaining(RESTORED) });
  });

  it.each(['SIGTERM', 'SIGHUP'] as const)('restores the terminal at %s', async (signal) => {
    const name = await shell();
    const terminal = await attached(name);
    const pid = await terminal.pid;
    const device = readlinkSync(`/proc/${pid}/fd/0`);
    const modes = () => execFileSync('stty', ['-F', device, '-a']).toString();
    await until(() => modes().includes('-icanon'));
    process.kill(pid, signal);
    const { code, out } = await terminal.ended;
    expect(out).toContain(RESTORED);
    expect(code).toBe(128 + constants.signals[signal]);
  });

  it('refuses an agent without a terminal, and a pipe in place of a terminal', async () => {
    await server.supertree('spawn', 'plain', '--', 'sleep', '300');
    const plain = await onTerminal(['attach', 'plain'], server.endpoint).ended;
    expect(plain).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^TERMINAL_ABSENT: root\/plain has no terminal/),
    });
    expect(await ask(['attach', 'plain'], server.endpoint)).toMatchObject({ code: 2 });
    expect((await launch(['attach', 'plain'], { endpoint: server.endpoint }).finished).code).toBe(2);
  });

  it('is given the size of spawn before anybody attaches', async () => {
    await server.supertree('spawn', 'sized', '--pty-size', '123x45', '--', 'sh', '-c', 'stty size; exec sleep 300');
    await until(async () => (await server.supertree('logs', 'sized')).out === '45 123\r\n');
  });

  it('keeps what was shown for logs', async () => {
    const name = await added('sh', '-c', 'echo kept; exec sleep 300');
    await until(async () => (await server.supertree('logs', name)).out === 'kept\r\n');
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { SupertreeError } from '../../src/errors.js';
import { row, type Setup, supertree } from './fake-host.js';
import { onTerminal } from './on-terminal.js';
import { ask, type Served, scratch, servedHere, until } from './process.js';

/** ESC, C1 CSI, DEL, a right-to-left override, a right-to-left mark and a carriage return. */
const HOSTILE = 'a\x1b]0;owned\x07\u009b2J\x7f\u202eb\u200fc\rd';
const OBEYED = /(?!\r\n|\n|\t)[\p{Cc}\p{Bidi_Control}]/u;

let place: Awaited<ReturnType<typeof scratch>>;
let server: Served;

beforeAll(async () => {
  place = await scratch();
  const command = ['sh', '-c', 'printf "%s\\n" "$0"; exec sleep 1000', HOSTILE];
  server = await servedHere({ children: [{ id: 'writer', command, metadata: { note: HOSTILE } }] });
  await until(async () => (await server.supertree('logs', 'writer')).out === `${HOSTILE}\n`);
});

afterAll(async () => {
  await server.close();
  await place.remove();
});

const begin = (...argv: string[]) => onTerminal(argv, server.endpoint, { NO_COLOR: '1' });

describe('foreign text has no control characters on a terminal', () => {
  it.each([
    ['logs', ['logs', 'writer'], '\\x1b]0;owned\\x07\\u009b2J\\u007f\\u202eb\\u200fc\\x0dd'],
    ['an error', ['status', HOSTILE], '\\x1b]0;owned'],
  ])('in %s of a program', async (_what, argv, shown) => {
    const { out } = await begin(...argv).ended;
    expect(out).toContain(shown);
    expect(out.match(OBEYED)).toBeNull();
  });

  it.each([
    ['status', ['status', 'writer'], '\\u202eb\\u200fc'],
    ['ps --json', ['ps', '--json'], '\\u202eb\\u200fc'],
    ['events --json', ['events', '--json'], '\\u202eb\\u200fc'],
    ['logs --json', ['logs', 'writer', '--json'], '\\u202eb'],
    ['a complaint about the usage', [HOSTILE], '\\u202eb'],
  ])('in %s', async (_what, argv, shown) => {
    const { out, err } = await ask(argv, server.endpoint, { terminal: true, env: { NO_COLOR: '1' } });
    expect(out + err).toContain(shown);
    expect((out + err).match(OBEYED)).toBeNull();
  });

  /** A process that listens on a port, with escapes in its command line. */
  async function stranger(): Promise<number> {
    const code = `const s = require('node:net').createServer().listen(${21_000 + (process.pid % 8_000)}, '127.0.0.1', () => console.log(s.address().port))`;
    const child = spawn(process.execPath, ['-e', code], { argv0: HOSTILE, stdio: ['ignore', 'pipe', 'inherit'] });
    const [port] = await once(child.stdout, 'data');
    onTestFinished(() => void child.kill('SIGKILL'));
    return Number(port);
  }

  it('in the refusal of an endpoint that a foreign process holds, and in the log of a server that has agents with its port and with a missing program', async () => {
    const port = await stranger();
    const { out: refused } = await begin('serve', '--insecure', '--endpoint', `tcp://127.0.0.1:${port}`).ended;
    expect(refused).toContain('ENDPOINT_IN_USE');
    expect(refused).toContain('\\x1b]0;owned');
    expect(refused.match(OBEYED)).toBeNull();
    const file = join(place.path, 'ports.json');
    const ports = { base: port, count: 2 };
    const none = { id: 'none', command: [`/nowhere/${HOSTILE}`] };
    const children = [{ id: 'web', command: ['sleep', '300'], ports: ['http'] }, none];
    await writeFile(file, JSON.stringify({ children, server: { ports } }));
    const terminal = begin('serve', file, '--endpoint', `ipc://${place.path}/ports.sock`);
    // Its warning about the holder of the port, whose command line begins with the hostile text, and its report of the missing program.
    await until(() => /[^/]a\\x1b\]0;owned/.test(terminal.out()) && terminal.out().includes('/nowhere/a\\x1b]0;owned'));
    // Ctrl-C, which the terminal shows as ^C.
    terminal.type('\x03');
    expect((await terminal.ended).out.match(OBEYED)).toBeNull();
  });
});

describe('a server that lies', () => {
  const exit = { code: null, signal: HOSTILE, cause: HOSTILE, detail: HOSTILE, tail: [HOSTILE] };
  const lie = row('root/web', {
    ...{ id: HOSTILE, uuid: HOSTILE, detail: HOSTILE, path: `root/${HOSTILE}`, state: HOSTILE, health: HOSTILE },
    ...{ restart: HOSTILE, command: [HOSTILE], metadata: { [HOSTILE]: HOSTILE }, exit, pauseMode: HOSTILE },
    ...{ blockers: [{ pid: 1, state: HOSTILE, command: HOSTILE }], ports: { [HOSTILE]: 1 } },
  } as never);
  const refuses = () => {
    throw new SupertreeError('REFUSED', { problem: HOSTILE });
  };

  it.each([
    ['ps', ['ps'], { ps: () => [lie] }],
    ['ps --json', ['ps', '--json'], { ps: () => [lie] }],
    ['status', ['status', 'web'], { status: () => lie }],
    ['status --json', ['status', 'web', '--json'], { status: () => lie }],
    ['logs', ['logs', 'web'], { logs: () => lines(HOSTILE) }],
    ['logs --json', ['logs', 'web', '--json'], { logs: () => lines(HOSTILE) }],
    ['an error', ['stop', 'web'], { stop: refuses }],
    ['an error of ps', ['ps'], { ps: refuses }],
  ] as [string, string[], Setup['answers']][])(
    'reaches a terminal as text alone with %s',
    async (_what, argv, answers) => {
      const { out, err } = await supertree(argv, {
        terminal: true,
        errTerminal: true,
        env: { NO_COLOR: '1' },
        answers: answers ?? {},
      });
      expect(out + err).toContain('owned');
      expect((out + err).match(OBEYED)).toBeNull();
    },
  );

  function lines(text: string): object {
    const line = { seq: 0, stream: text, at: 0, partial: false, text: `${text}\n` };
    return { lines: [line], dropped: 0, next: { stdout: 1, stderr: 0 } };
  }
});

describe('raw', () => {
  it('lets the output of an agent reach the terminal byte for byte', async () => {
    const line = { seq: 0, stream: 'stdout', at: 0, partial: false, text: `${HOSTILE}\n` } as const;
    const answers = { logs: () => ({ lines: [line], dropped: 0, next: { stdout: 1, stderr: 0 } }) };
    expect((await supertree(['logs', 'web', '--raw'], { terminal: true, answers })).out).toBe(`${HOSTILE}\n`);
    expect((await supertree(['logs', 'web'], { terminal: true, answers })).out.match(OBEYED)).toBeNull();
    expect((await supertree(['logs', 'web'], { answers })).out).toBe(`${HOSTILE}\n`);
  });
});

it('the colours of supertree are kept, and foreign text cannot use them', async () => {
  const answers = { status: () => row('root/web', { metadata: { note: '\x1b[32mgreen' }, command: ['\x1b[31m'] }) };
  const { out } = await supertree(['status', 'web'], { terminal: true, answers });
  expect(out).toContain('\x1b[32mrunning');
  expect(out).toContain('\\x1b[32mgreen');
  expect(out).toContain('\\x1b[31m');
});

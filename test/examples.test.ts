import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformWithEsbuild } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTree } from '../src/index.js';
import { createServer } from '../src/server/index.js';
import { ROOT } from './program.js';

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

const fileOf = (name: string) => fileURLToPath(new URL(`../examples/${name}.ts`, import.meta.url));

/** Examples that end by themselves, which one program runs one after the other. */
const IN_TURN = ['embed', 'strategies', 'parallel', 'ports', 'logic-actors', 'server', 'client', 'machines'] as const;
type InTurn = (typeof IN_TURN)[number];

/** Runs them against the build, as a program that has installed the package does. Resolves with what each printed. */
async function runInTurn(endpoint: string, directory: string): Promise<Ended & { of(name: InTurn): string[] }> {
  mkdirSync(join(directory, 'node_modules'));
  symlinkSync(ROOT, join(directory, 'node_modules/supertree'));
  symlinkSync(join(ROOT, 'node_modules/xstate'), join(directory, 'node_modules/xstate'));
  for (const name of IN_TURN) writeFileSync(join(directory, `${name}.mjs`), await javaScriptOf(name));
  const program = `for (const name of ${JSON.stringify(IN_TURN)}) { console.log('== ' + name); await import('./' + name + '.mjs'); }`;
  writeFileSync(join(directory, 'all.mjs'), program);
  const ended = await run([join(directory, 'all.mjs')], { SUPERTREE_ENDPOINT: endpoint });
  const parts = new Map(ended.output.split(/^== /m).map((part) => [part.split('\n', 1)[0], part]));
  return { ...ended, of: (name) => normal(parts.get(name) ?? ended.output).slice(1) };
}

const javaScriptOf = async (name: string) =>
  (await transformWithEsbuild(textOf(`examples/${name}.ts`), fileOf(name), { target: 'es2022' })).code;

/** Runs an example against the build; SIGINT ends it when its output matches `until`. */
async function runUntil(name: string, env: Record<string, string>, until: RegExp): Promise<Ended> {
  return run(['--input-type=module', '--eval', await javaScriptOf(name)], env, until);
}

function run(words: readonly string[], env: Record<string, string> = {}, until?: RegExp): Promise<Ended> {
  const child = spawn(process.execPath, words, { cwd: ROOT, env: { ...process.env, ...env } });
  let output = '';
  const take = (bytes: Buffer): void => {
    const matched = until?.test(output) ?? false;
    output += bytes.toString();
    if (!matched && until?.test(output)) child.kill('SIGINT');
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, output }));
  });
}

const normal = (output: string): string[] =>
  output
    .replace(/pid \d+/g, 'pid N')
    .replace(/(after|in) \d+ ms/g, '$1 N ms')
    .split('\n')
    .filter((line) => !/npm warn/.test(line) && line !== '');

/** The lines about each agent and supervisor: those of different ones may come in another order when the machine is busy. */
function byPath(output: string): Record<string, string[]> {
  const lines: Record<string, string[]> = {};
  for (const line of normal(output)) {
    const [path = ''] = line.split(' ', 1);
    lines[path] = [...(lines[path] ?? []), line];
  }
  return lines;
}

const textOf = (file: string) => readFileSync(join(ROOT, file), 'utf8');

describe('examples', () => {
  it('embed is the first example of the README', () => {
    const [, block = ''] = /^```ts\n([\s\S]*?)^```$/m.exec(textOf('README.md')) ?? [];
    const code = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('//'));
    expect(code(block)).toEqual(code(textOf('examples/embed.ts')));
    expect(code(block).length).toBeLessThanOrEqual(20);
  });

  it('testing.test.ts, which runs with the other tests, is the test of docs/testing.md', () => {
    const [, block] = /^```ts\n([\s\S]*?)^```$/m.exec(textOf('docs/testing.md')) ?? [];
    expect(block).toBe(textOf('examples/testing.test.ts').replace(/^.*\n/, ''));
  });

  it('inspect serves the page on loopback and ends on SIGINT', async () => {
    const { code, output } = await runUntil('inspect', { PORT: '0' }, /open http/);
    expect(code).toBe(0);
    expect(output).toMatch(/open http:\/\/127\.0\.0\.1:\d+/);
  });
});

describe('examples that end by themselves', () => {
  const directory = mkdtempSync(join(tmpdir(), 'supertree-'));
  let all: Awaited<ReturnType<typeof runInTurn>>;
  beforeAll(async () => {
    const endpoint = `ipc://${directory}/server.sock`;
    const config = { tree: { children: [] }, settings: { endpoints: [endpoint] } };
    const server = await createServer({ config, createTree, failed: (thrown) => expect.unreachable(String(thrown)) });
    try {
      await server.tree.start();
      all = await runInTurn(endpoint, directory);
    } finally {
      await server.stop();
    }
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('exit with 0', () => {
    const { code, output } = all;
    expect({ code, output }).toEqual({ code: 0, output });
  });

  it('embed restarts the one that crashes and stops in reverse', () => {
    const lines = all.of('embed');
    expect(lines).toContain('root/flaky exited: exit code 3');
    expect(lines).toContain('root/flaky restarts in N ms after exit code 3 (4 left)');
    const stops = lines.filter((line) => / is stopped/.test(line));
    expect(stops).toEqual([
      'root/workers/ticker is stopped',
      'root/workers is stopped: shutdown',
      'root/flaky is stopped',
      'root/clock is stopped',
      'root is stopped: shutdown',
    ]);
  });

  it('embed prints what the README says, of each agent and supervisor in this order', () => {
    const [, block = ''] = /^```text\n([\s\S]*?)^```$/m.exec(textOf('README.md')) ?? [];
    expect(byPath(all.of('embed').join('\n'))).toEqual(byPath(block));
  });

  it('strategies shows whom a crash takes along', () => {
    const lines = all.of('strategies');
    expect(lines).toEqual([
      'one_for_one: b crashed, b started',
      'rest_for_one: b crashed, c stopped, b started, c started',
      'one_for_all: b crashed, c stopped, a stopped, a started, b started, c started',
    ]);
  });

  it('parallel starts independent children together, and reports which siblings the others wait for', () => {
    const lines = all.of('parallel');
    expect(lines).toContain('root/web is waiting for db, mail to be ready');
    expect(lines.slice(-2)).toEqual(['root/web started', 'root/web ready']);
    const line = (text: string) => lines.indexOf(text);
    expect(Math.max(line('root/db started'), line('root/mail started'))).toBeLessThan(line('root/db ready'));
  });

  it('ports leases two ports and gives a crashed agent its own one back', () => {
    const lines = all.of('ports');
    const [one, two, again] = lines;
    expect(one).toMatch(/^I am one on port \d+$/);
    expect(two).toMatch(/^I am two on port \d+$/);
    expect(again).toBe(`after a crash: ${one}`);
  });

  it('logic-actors restarts a logic that throws', () => {
    const lines = all.of('logic-actors');
    expect(lines).toEqual([
      'root/counter ready',
      'root/greeter ready',
      'root/counter exited: exit code 1: counted to 3, the limit is 2',
      'root/counter ready',
      'hello world',
      'root/greeter exited: shutdown, exit code 0',
      'root/counter exited: shutdown, exit code 0',
    ]);
  });

  it('server answers for its tree and runs an action', () => {
    const lines = all.of('server');
    expect(lines).toEqual(['root/cat running', "{ action: 'greet', result: 'root/cat greets the world' }", 'stopped']);
  });

  it('client starts an agent, writes to it, and reads it to its end', () => {
    expect(all.of('client')).toEqual(['hello', 'good-bye', 'root/hello exited with 0']);
  });

  it('machines reads the charts', () => {
    const lines = all.of('machines');
    expect(lines.join('\n')).toMatch(/an agent stops by .*asking, insisting, killing, sweeping, draining/);
  });
});

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformWithEsbuild } from 'vite';
import { beforeAll, describe, expect, it } from 'vitest';
import { createTree } from '../src/index.js';
import { createServer } from '../src/server/index.js';
import { ROOT } from './program.js';

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

const fileOf = (name: string) => fileURLToPath(new URL(`../examples/${name}.ts`, import.meta.url));

/** Runs an example with tsx, as the README says. */
function runWithTsx(name: string): Promise<Ended> {
  return run([createRequire(import.meta.url).resolve('tsx/cli'), fileOf(name)]);
}

/** Runs an example against the build, as a program that has installed the package does; SIGINT ends it when its output matches `until`. */
async function runBuilt(name: string, env: Record<string, string> = {}, until?: RegExp): Promise<Ended> {
  const { code } = await transformWithEsbuild(textOf(`examples/${name}.ts`), fileOf(name), { target: 'es2022' });
  return run(['--input-type=module', '--eval', code], env, until);
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
  let embed: Ended;
  beforeAll(async () => {
    embed = await runWithTsx('embed');
  });

  it('embed restarts the one that crashes and stops in reverse', () => {
    const { code, output } = embed;
    const lines = normal(output);
    expect(code).toBe(0);
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
    expect(byPath(embed.output)).toEqual(byPath(block));
  });

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

  it('strategies shows whom a crash takes along', async () => {
    const { code, output } = await runBuilt('strategies');
    expect(code).toBe(0);
    expect(normal(output)).toEqual([
      'one_for_one: b crashed, b started',
      'rest_for_one: b crashed, c stopped, b started, c started',
      'one_for_all: b crashed, c stopped, a stopped, a started, b started, c started',
    ]);
  });

  it('parallel starts independent children together, and reports which siblings the others wait for', async () => {
    const { code, output } = await runBuilt('parallel');
    const lines = normal(output);
    expect(code).toBe(0);
    expect(lines).toContain('root/web is waiting for db, mail to be ready');
    expect(lines.slice(-2)).toEqual(['root/web started', 'root/web ready']);
    const line = (text: string) => lines.indexOf(text);
    expect(Math.max(line('root/db started'), line('root/mail started'))).toBeLessThan(line('root/db ready'));
  });

  it('ports leases two ports and gives a crashed agent its own one back', async () => {
    const { code, output } = await runBuilt('ports');
    const [one, two, again] = normal(output);
    expect(code).toBe(0);
    expect(one).toMatch(/^I am one on port \d+$/);
    expect(two).toMatch(/^I am two on port \d+$/);
    expect(again).toBe(`after a crash: ${one}`);
  });

  it('logic-actors restarts a logic that throws', async () => {
    const { code, output } = await runBuilt('logic-actors');
    expect(code).toBe(0);
    expect(normal(output)).toEqual([
      'root/counter ready',
      'root/greeter ready',
      'root/counter exited: exit code 1: counted to 3, the limit is 2',
      'root/counter ready',
      'hello world',
      'root/greeter exited: shutdown, exit code 0',
      'root/counter exited: shutdown, exit code 0',
    ]);
  });

  it('server answers for its tree and runs an action', async () => {
    const { code, output } = await runBuilt('server');
    expect(normal(output)).toEqual([
      'root/cat running',
      "{ action: 'greet', result: 'root/cat greets the world' }",
      'stopped',
    ]);
    expect(code).toBe(0);
  });

  it('client starts an agent, writes to it, and reads it to its end', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'supertree-'));
    const endpoint = `ipc://${directory}/server.sock`;
    const config = { tree: { children: [] }, settings: { endpoints: [endpoint] } };
    const server = await createServer({ config, createTree, failed: (thrown) => expect.unreachable(String(thrown)) });
    try {
      await server.tree.start();
      const { code, output } = await runBuilt('client', { SUPERTREE_ENDPOINT: endpoint });
      expect(normal(output)).toEqual(['hello', 'good-bye', 'root/hello exited with 0']);
      expect(code).toBe(0);
    } finally {
      await server.stop();
      rmSync(directory, { recursive: true });
    }
  });

  it('machines reads the charts', async () => {
    const { code, output } = await runBuilt('machines');
    expect(output).toMatch(/an agent stops by .*asking, insisting, killing, sweeping, draining/);
    expect(code).toBe(0);
  });

  it('inspect serves the page on loopback and ends on SIGINT', async () => {
    const { code, output } = await runBuilt('inspect', { PORT: '0' }, /open http/);
    expect(code).toBe(0);
    expect(output).toMatch(/open http:\/\/127\.0\.0\.1:\d+/);
  });
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SupertreeError } from '../../src/errors.js';
import type { AgentConfig } from '../../src/protocol/protocol.js';
import { planSpawn } from '../../src/server/backend.js';
import { loadConfig } from '../../src/server/config.js';
import { jsonFault } from '../../src/server/json.js';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
});

afterAll(() => rm(directory, { recursive: true, force: true }));

async function load(name: string, text: string) {
  const file = join(directory, name);
  await writeFile(file, text);
  return loadConfig(file);
}

async function refusal(name: string, text: string): Promise<SupertreeError> {
  const thrown: unknown = await load(name, text).catch((error: unknown) => error);
  if (!(thrown instanceof SupertreeError)) throw new Error(`not refused: ${String(thrown)}`);
  return thrown;
}

describe('a tree file', () => {
  it('in TOML describes the root, its children and the server', async () => {
    const text = `
strategy = "rest_for_one"
[server]
endpoints = ["tcp://127.0.0.1:7001"]
pub_endpoint = "tcp://127.0.0.1:7002"
max_agents = 20
driver = "keeper"
state = "sub"
ports = { base = 9000, count = 10 }
[[children]]
id = "a"
command = ["true"]
cwd = "sub"
[[children]]
id = "p"
[children.pool]
size = 2
[children.pool.agent]
command = ["true"]
cwd = "/abs"
`;
    expect(await load('tree.toml', text)).toEqual({
      tree: {
        id: 'root',
        boot: 'retry',
        onExhausted: 'fail',
        strategy: 'rest_for_one',
        children: [
          { id: 'a', command: ['true'], cwd: join(directory, 'sub') },
          { id: 'p', onExhausted: 'fail', pool: { size: 2, agent: { command: ['true'], cwd: '/abs' } } },
        ],
      },
      settings: {
        endpoints: ['tcp://127.0.0.1:7001'],
        pubEndpoints: ['tcp://127.0.0.1:7002'],
        maxAgents: 20,
        driver: 'keeper',
        state: join(directory, 'sub'),
        ports: { base: 9000, count: 10 },
      },
    });
  });

  it('in JSON is equivalent, and may override the defaults of a server', async () => {
    const text = JSON.stringify({
      id: 'mine',
      boot: 'strict',
      children: [],
      server: { endpoint: 'ipc:///run/x.sock' },
    });
    expect(await load('tree.json', `\uFEFF${text}`)).toEqual({
      tree: { id: 'mine', boot: 'strict', onExhausted: 'fail', start: 'parallel', children: [] },
      settings: { endpoints: ['ipc:///run/x.sock'] },
    });
  });

  it('may be empty: then there is nothing to run yet', async () => {
    expect(await load('empty.toml', '')).toMatchObject({ tree: { id: 'root', children: [] }, settings: {} });
  });

  it.each([
    ['tree.toml', 'id = "a"\n[[children]]\nid = = 3\n', 3, 6],
    ['tree.toml', 'id = "open\n', 1, 11],
    ['tree.json', '{\n  "id": "a",\n  "children": [,]\n}', 3, 16],
    ['tree.json', '{"children": []', 1, 16],
    ['tree.json', '', 1, 1],
  ])('%s with a syntax error in %j is refused with line %d and column %d', async (name, text, line, column) => {
    expect(await refusal(name, text)).toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringContaining(
        `${join(directory, name)} cannot be read as a tree: line ${line}, column ${column}: `,
      ),
      details: { line, column },
    });
  });

  it('is refused with all its problems at once, those of the tree and those of the server', async () => {
    const error = await refusal(
      'bad.toml',
      'strategy = "chaos"\n[server]\nmax_agents = 0\ncolour = 1\n[[children]]\nid = "a"\n[[children]]\nid = "a"\ncommand = ["x"]\n',
    );
    expect(error.code).toBe('FILE_INVALID');
    const paths = (error.details.list as { path: string }[]).map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['server.maxAgents', 'server.colour', 'strategy', 'children[1].id']));
  });

  it.each([
    [
      'two ways to name the endpoint',
      '[server]\nendpoint = "ipc:///a"\nendpoints = ["ipc:///b"]\n',
      'server.endpoint must not be given beside endpoints',
    ],
    ['settings that are no table', 'server = 5\n', 'server must be a table, got 5'],
    ['a setting of the wrong type', '[server]\nendpoint = 5\n', 'server.endpoint must be a string, got 5'],
    ['an unknown setting', '[server]\ncolour = "red"\n', 'server.colour is not a setting'],
  ])('is refused for %s', async (_title, text, problem) => {
    expect((await refusal('settings.toml', text)).message).toContain(problem);
  });

  it('that is not there, or is no object, is refused by name', async () => {
    await expect(loadConfig(join(directory, 'none.toml'))).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: expect.stringContaining('ENOENT'),
    });
    expect((await refusal('list.json', '[]')).message).toContain('it must be an object');
  });
});

describe('jsonFault', () => {
  it.each([
    ['{"a": tru}', 6],
    ['[1, 2', 5],
    ['[1 2]', 3],
    ['{"a" 1}', 5],
    ['{"a": 01}', 7],
    ['{"a": "x\ny"}', 6],
    ['{,}', 1],
    ['{"a":1,}', 7],
    ['{} x', 3],
    ['[[[[[', 5],
  ])('finds the first wrong character of %j at %d', (text, at) => {
    expect(() => JSON.parse(text)).toThrow();
    expect(jsonFault(text)).toBe(at);
  });

  it('finds the first wrong character', () => {
    const text = '{"a": [1, -2.5e+3, "\\u00e9\\"", null, true], "b": {}}';
    expect(jsonFault(text)).toBe(text.length);
  });

  it('is not stopped by depth', () => {
    expect(jsonFault('['.repeat(200_000))).toBe(200_000);
  });
});

describe('planSpawn', () => {
  const config = (given: Partial<AgentConfig>): AgentConfig => ({
    name: 'a',
    model_backend: 'claude',
    task: 'do it',
    context: null,
    system_prompt: null,
    environment: {},
    model: null,
    tool_level: null,
    agents: null,
    ...given,
  });
  const claude = ['claude', '-p', 'do it', '--output-format', 'stream-json'];

  it('calls claude with all that is given', () => {
    const full = config({
      model_backend: 'claude-code-cli',
      model: 'opus',
      tool_level: 'Read_Only',
      system_prompt: 's p',
      agents: { x: { y: 1 } },
    });
    expect(planSpawn(full).command).toEqual([
      ...claude,
      '--model',
      'opus',
      '--allowedTools',
      'Read,Bash,Glob,Grep',
      '--append-system-prompt',
      's p',
      '--agents',
      '{"x":{"y":1}}',
    ]);
    expect(planSpawn(config({ agents: {}, tool_level: 'edit' })).command).toEqual(claude);
  });

  it.each([
    ['minimal', 'Read,Write,Edit,Bash,Glob,Grep'],
    ['full', 'Read,Write,Edit,Bash,Glob,Grep,Task,WebFetch,WebSearch'],
    ['orchestrator', 'Read,Write,Edit,Bash,Glob,Grep,Task,WebFetch,WebSearch'],
    ['read', 'Read,Bash,Glob,Grep'],
    ['researcher', 'Read,Bash,Glob,Grep,WebFetch,WebSearch'],
    ['plan', 'Read,Write,Bash,Glob,Grep'],
    ['lisp-developer', 'Read,Bash,Glob,Grep'],
  ])('allows the tools of level %s', (tool_level, tools) => {
    expect(planSpawn(config({ tool_level })).command).toEqual([...claude, '--allowedTools', tools]);
  });

  it('calls opencode, and any program whose backend says cli', () => {
    expect(planSpawn(config({ model_backend: 'opencode', model: 'm' })).command).toEqual([
      'opencode',
      'run',
      '--format',
      'json',
      'do it',
      '--model',
      'm',
    ]);
    expect(planSpawn(config({ model_backend: 'sleep-cli', task: '5' })).command).toEqual(['sleep', '5']);
    expect(planSpawn(config({ model_backend: 'cli', task: '5' })).command).toEqual(['cli', '5']);
  });

  it.each(['claude', 'claude-code-cli', 'opencode'])('closes the input of %s, which reads it to the end', (backend) => {
    expect(planSpawn(config({ model_backend: backend })).stdin).toBe('closed');
  });

  it.each(['', 'gpt-4', '-cli'])('refuses the backend %j', (model_backend) => {
    expect(() => planSpawn(config({ model_backend }))).toThrow(
      `Unsupported model backend for process spawning: ${model_backend}.`,
    );
  });

  it('adds extra arguments by name and the context, and keeps the rest of the environment', () => {
    const plan = planSpawn(
      config({
        model_backend: 'x-cli',
        task: 't',
        context: 'c',
        environment: { AGENT_EXTRA_ARGS: '  --a  b ', K: 'V' },
      }),
    );
    expect(plan).toEqual({
      command: ['x', 't', '{env:AGENT_EXTRA_ARG_1}', '{env:AGENT_EXTRA_ARG_2}'],
      env: { K: 'V', AGENT_EXTRA_ARG_1: '--a', AGENT_EXTRA_ARG_2: 'b', AGENT_CONTEXT: 'c' },
      stdin: 'pipe',
    });
  });
});

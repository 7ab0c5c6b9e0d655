import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asSupertreeError } from '../../src/errors.js';
import { loadConfig } from '../../src/server/config.js';
import { loadSecurity } from '../../src/server/keys.js';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function problemOf(name: string, text: string, load: (file: string) => Promise<unknown> = loadConfig) {
  const file = join(directory, name);
  await writeFile(file, text, { mode: 0o600 });
  return load(file).then(
    () => expect.unreachable('it was taken'),
    (thrown) => String(asSupertreeError(thrown).details.problem),
  );
}

describe('a problem of a tree file has line and column', () => {
  it.each([
    ['maxRestarts = "x"\n', /^line 1, column 1: maxRestarts must/],
    ['# one\n[server]\n  max_agents = 0\n', /^line 3, column 3: server\.maxAgents must/],
    ['[server]\ndriver = "none"\n', /^line 2, column 1: server\.driver must be one of keeper, local, got "none"/],
    ['[server]\nendpoints = ["ipc:///tmp/a",\n  "tcp://x"]\n', /^line 3, column 3: server\.endpoints\.1 is not/],
    [
      '[[children]]\nid = "a"\ncommand = ["true"]\n[[children]]\nid = "b"\ncommand = 3\n',
      /^line 6, column 1: children\[1\]\.command must/,
    ],
    [
      '[[children]]\nid = "a"\ncommand = ["true"]\nstop = { ask = 1,  insist = "x" }\n',
      /^line 4, column 20: children\[0\]\.stop\.insist must/,
    ],
    [
      '[[children]]\nid = "g"\n  [[children.children]]\n  id = "a"\n  command = ["true"]\n  stop.ask = "x"\n',
      /^line 6, column 8: children\[0\]\.children\[0\]\.stop\.ask must/,
    ],
    ['[[children]]\ncommand = ["true"]\n', /^line 1, column 1: children\[0\]\.id must/],
    ['[[children]]\nid = "a"\ncommand = ["true"]\nenv = { "A B" = 3 }\n', /^line 4, column 9: children\[0\]\.env/],
  ])('in TOML: %j', async (text, expected) => {
    expect(await problemOf('tree.toml', text)).toMatch(expected);
  });

  it.each([
    ['{"maxRestarts":"x"}', /^line 1, column 2: maxRestarts must/],
    [
      '{\n  "children": [\n    { "id": "a", "command": ["true"] },\n    { "id": "b",\n      "command": 3 }\n  ]\n}',
      /^line 5, column 7: children\[1\]\.command must/,
    ],
    [
      '{\n  "children": [\n    { "id": "a", "command": ["true",\n      3] }\n  ]\n}',
      /^line 4, column 7: children\[0\]\.command\[1\] must/,
    ],
    ['{"children":[\n{"command":["true"]}]}', /^line 2, column 1: children\[0\]\.id must/],
    [
      '{"server":{},\n"children":[{"id":"a","command":["{","]",","],"stop":\n {"ask":"x"}}]}',
      /^line 3, column 3: children\[0\]\.stop\.ask must/,
    ],
  ])('in JSON: %j', async (text, expected) => {
    expect(await problemOf('tree.json', text)).toMatch(expected);
  });

  it('for each problem of a file', async () => {
    const text = '[[children]]\nid = "a"\ncommand = 3\n[[children]]\nid = "b"\ncommand = 4\n';
    expect(await problemOf('two.toml', text)).toMatch(/line 3, column 1: .*; line 6, column 1: /);
  });

  it('in the file of the keys as well', async () => {
    const load = (file: string) => loadSecurity(file, 'root');
    expect(await problemOf('keys.toml', 'secret_key_file = "x"\n[[keys]]\nname = 3\n', load)).toMatch(
      /line 3, column 1: keys\.0\.name/,
    );
  });
});

describe('a supervisor of a tree file', () => {
  it('does not stop the others unless the file says so, at any depth', async () => {
    const file = join(directory, 'defaults.json');
    const agent = { id: 'a', command: ['true'] };
    const inner = { id: 'inner', children: [agent] };
    const exact = { id: 'exact', otpExact: true, children: [agent] };
    const told = { id: 'told', boot: 'strict', onExhausted: 'escalate', children: [agent] };
    const pool = { id: 'pool', pool: { agent: { command: ['true'] } } };
    await writeFile(file, JSON.stringify({ children: [{ id: 'outer', children: [inner, exact] }, told, pool] }));
    const group = { boot: 'retry', onExhausted: 'fail' };
    expect((await loadConfig(file)).tree).toMatchObject({
      ...group,
      children: [{ ...group, children: [{ ...group, ...inner }, exact] }, told, { ...pool, onExhausted: 'fail' }],
    });
    const { tree } = await loadConfig(file);
    expect(tree.children[0]).not.toHaveProperty('children.1.boot');
  });
});

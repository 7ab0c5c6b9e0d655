import { describe, expect, it } from 'vitest';
import { createMachine } from 'xstate';
import { SupertreeError } from '../../src/errors.js';
import { normaliseNode, normaliseSupervisor } from '../../src/model/normalise.js';
import { type Problem, problemText } from '../../src/model/problem.js';
import { assertValid, MAX_NODES, validate, validateChild, validateData } from '../../src/model/validate.js';

const agent = (more: object = {}) => ({ id: 'a', command: ['sleep', '1'], ...more });
const tree = (...children: unknown[]) => ({ children });
const paths = (problems: readonly Problem[]) => problems.map((problem) => problem.path);
const texts = (input: unknown) => validate(input).map(problemText);

describe('rules of configuration', () => {
  it('C1 gives a supervisor defaults, and those of OTP under otpExact', () => {
    expect(validate(tree())).toEqual([]);
    expect(normaliseSupervisor({ children: [] })).toMatchObject({
      id: 'root',
      strategy: 'one_for_one',
      autoShutdown: 'never',
      budget: { maxRestarts: 5, within: 60_000 },
    });
    const exact = normaliseSupervisor({ otpExact: true, children: [] });
    expect(exact).toMatchObject({ budget: { maxRestarts: 1, within: 5_000 }, backoff: { initial: 0, max: 0 } });
  });

  it('C1 can say zero restarts', () => {
    expect(validate({ maxRestarts: 0, children: [] })).toEqual([]);
    expect(normaliseSupervisor({ maxRestarts: 0, children: [] }).budget.maxRestarts).toBe(0);
  });

  it('C2 gives a child defaults, and asks for id and body, id first', () => {
    expect(normaliseNode({ id: 'a', command: ['x'] })).toMatchObject({ restart: 'permanent', significant: false });
    expect(texts(tree({}))).toEqual([
      'children[0].id must be given',
      'children[0] must have exactly one of command, task, logic, got (none)',
    ]);
  });

  it('C3 rejects wrong budgets, stops and words, and unlike OTP unknown keys', () => {
    const input = {
      maxRestarts: -1,
      within: 0,
      strategy: 'all',
      intensity: 3,
      children: [agent({ stop: { ask: -1.5 }, restart: 'always' }), agent({ id: 'b', stop: 'softly', comand: [] })],
    };
    expect(paths(validate(input)).sort()).toEqual([
      'children[0].restart',
      'children[0].stop.ask',
      'children[1].comand',
      'children[1].stop',
      'intensity',
      'maxRestarts',
      'strategy',
      'within',
    ]);
    expect(texts(input)).toContain('children[0].stop.ask must be an integer >= 0 or "infinity", got -1.5');
    expect(texts(input)).toContain('within must be an integer > 0, got 0');
  });

  it('C3 accepts infinity and brutal_kill', () => {
    expect(texts(tree(agent({ stop: 'infinity' })))).toEqual([]);
    expect(texts(tree(agent({ stop: 'brutal_kill' })))).toEqual([]);
    expect(texts(tree(agent({ stop: { ask: 'infinity' } })))).toEqual([]);
  });

  it('C4 rejects duplicate ids as a whole, naming the first one', () => {
    expect(texts(tree(agent(), agent({ id: 'b' }), agent()))).toEqual([
      'children[2].id must be unique among its siblings; children[0] has it already, got "a"',
    ]);
  });

  it('C4 lets ids repeat in different supervisors and differ in case', () => {
    expect(validate(tree(agent(), agent({ id: 'A' }), { id: 's', children: [agent()] }))).toEqual([]);
  });

  it('C5 rejects significant with permanent, which is the default', () => {
    const shut = { autoShutdown: 'any_significant' };
    for (const restart of [{}, { restart: 'permanent' }])
      expect(texts({ ...shut, ...tree(agent({ significant: true, ...restart })) })).toEqual([
        'children[0].significant must not be true for a child with restart permanent, got true',
      ]);
    expect(validate({ ...shut, ...tree(agent({ significant: true, restart: 'transient' })) })).toEqual([]);
  });

  it('C5 rejects significant where autoShutdown is never, at dynamic add too', () => {
    const child = agent({ significant: true, restart: 'temporary' });
    const rule = 'must not be true where autoShutdown of the parent is never';
    expect(validate(tree(child))).toEqual([{ path: 'children[0].significant', rule, got: true }]);
    expect(validateChild(child, { autoShutdown: 'never' })).toEqual([{ path: 'significant', rule, got: true }]);
    expect(validateChild(child, { autoShutdown: 'all_significant' })).toEqual([]);
  });

  it('C5 does not guess what a wrong autoShutdown means', () => {
    const input = { autoShutdown: 'sometimes', ...tree(agent({ significant: true, restart: 'temporary' })) };
    expect(paths(validate(input))).toEqual(['autoShutdown']);
  });

  it('C6 gives a pool exactly one template without an id, which may have a restart type but is never significant', () => {
    const pool = (template: unknown) => tree({ id: 'p', pool: { agent: template } });
    expect(validate(pool({ command: ['x'], restart: 'temporary' }))).toEqual([]);
    expect(texts(pool([{ command: ['x'] }]))).toEqual(['children[0].pool.agent must be an object, got (a list)']);
    expect(paths(validate(pool(agent())))).toEqual(['children[0].pool.agent.id']);
    expect(texts(tree({ id: 'p', pool: {} }))).toEqual(['children[0].pool.agent must be given']);
    expect(paths(validate(pool({ command: ['x'], restart: 'transient', significant: true })))).toEqual([
      'children[0].pool.agent.significant',
    ]);
  });

  it('C7 checks without starting anything, and one child by itself', () => {
    let runs = 0;
    const task = () => void runs++;
    expect(validate(tree({ id: 'a', task }))).toEqual([]);
    expect(validateChild({ id: 'a', task }, { autoShutdown: 'never' })).toEqual([]);
    expect(validateChild({ id: '1' }, { autoShutdown: 'never' }).map((problem) => problem.path)).toEqual(['id', '']);
    expect(runs).toBe(0);
  });
});

describe('shape of a tree', () => {
  it('returns every problem at once, each unknown key too', () => {
    const input = { x: 1, y: 2, children: [{ id: 'a', command: [], z: 1 }, { id: 's', children: 3 }, 7, null] };
    expect(paths(validate(input))).toEqual([
      'x',
      'y',
      'children[0].command',
      'children[0].z',
      'children[1].children',
      'children[2]',
      'children[3]',
    ]);
  });

  it('needs a supervisor at the root; only the root may omit its id', () => {
    expect(paths(validate(agent()))).toEqual(['children', 'command']);
    expect(paths(validate(tree({ children: [] })))).toEqual(['children[0].id']);
  });

  it('accepts 64 levels and 100,000 nodes, and refuses more', () => {
    const nest = (levels: number): object => (levels === 1 ? tree() : tree({ ...nest(levels - 1), id: 's' }));
    expect(validate(nest(64))).toEqual([]);
    expect(validate(nest(65)).map((problem) => problem.rule)).toEqual(['must not be nested deeper than 64 levels']);
    const many = (count: number) => tree(...Array.from({ length: count }, (_, i) => agent({ id: `a${i}` })));
    expect(validate(many(MAX_NODES - 1))).toEqual([]);
    expect(paths(validate(many(MAX_NODES)))).toEqual([`children[${MAX_NODES - 1}]`]);
  });

  it('throws SPEC_INVALID with all problems in one line and as a list', () => {
    expect(() => assertValid(tree(agent()))).not.toThrow();
    const input = tree(...Array.from({ length: 30 }, (_, i) => agent({ id: `a${i}`, cwd: 1 })));
    const error = caught(() => assertValid(input));
    expect(error.code).toBe('SPEC_INVALID');
    expect(error.message).toContain('children[0].cwd must be a string, got 1; ');
    expect(error.message).toMatch(/and 10 more$/);
    expect(error.message).not.toContain('\n');
    expect(error.details.list).toHaveLength(30);
  });

  it('refuses functions as data, and takes $schema there', () => {
    expect(validateData({ $schema: './tree.schema.json', ...tree(agent()) })).toEqual([]);
    expect(paths(validate({ $schema: '', ...tree() }))).toEqual(['$schema']);
    const input = tree({ id: 'a', task: () => {} }, { id: 'b', logic: createMachine({}), command: ['x'] });
    expect(paths(validateData(input))).toEqual(['children[0].command', 'children[0].task', 'children[1].logic']);
    expect(paths(validateChild({ id: 'a', task: () => {} }, { autoShutdown: 'never' }, 'data'))).toEqual([
      'command',
      'task',
    ]);
  });
});

function caught(run: () => void): SupertreeError {
  try {
    run();
  } catch (error) {
    if (error instanceof SupertreeError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('a value that may hold a secret', () => {
  it.each([
    ['command', 'run --token=hunter2'],
    ['command', ['run', { token: 'hunter2' }]],
    ['env', 'TOKEN=hunter2'],
    ['env', { TOKEN: ['hunter2'] }],
    ['metadata', 'hunter2'],
    ['metadata', { note: ['hunter2'] }],
    ['readiness', { exec: 'check hunter2' }],
    ['readiness', { type: 'exec', command: 'check hunter2' }],
    ['liveness', { type: 'http', url: 'http://hunter2' }],
  ])('is in no problem: %s %j', (field, value) => {
    const problems = validate({ children: [{ id: 'a', command: ['cat'], [field]: value }] });
    expect(problems).not.toEqual([]);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });
});

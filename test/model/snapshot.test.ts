import { describe, expect, it } from 'vitest';
import { type Problem, problemText } from '../../src/model/problem.js';
import { validate, validateChild, validateData } from '../../src/model/validate.js';
import fc from '../fast-check.js';

const agent = (more: object = {}) => ({ id: 'a', command: ['sleep', '1'], ...more });
const tree = (...children: unknown[]) => ({ children });
const paths = (problems: readonly Problem[]) => problems.map((problem) => problem.path);

describe('hostile input', () => {
  const angry = new Proxy(
    {},
    { ownKeys: refuse, get: refuse, has: refuse, getPrototypeOf: refuse, getOwnPropertyDescriptor: refuse },
  );
  const revoked = () => {
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    return proxy;
  };
  const cyclic: Record<string, unknown> = { id: 'c' };
  cyclic.children = [cyclic, cyclic];
  cyclic.metadata = cyclic;

  it.each([
    ['a proxy that throws', angry],
    ['a revoked proxy', revoked()],
    ['a cycle', cyclic],
    ['a list of holes', tree(...new Array(3))],
    ['a huge list', { children: new Array(4e9), backoff: new Array(4e9) }],
    ['a huge command', tree({ id: 'a', command: new Array(4e9) })],
    ['nothing', undefined],
    ['null', null],
    ['a number', Number.NaN],
    ['a list', []],
    [
      'a getter that throws',
      {
        get children() {
          return refuse();
        },
      },
    ],
    [
      'a proxy in every place',
      tree(
        angry,
        { id: angry, children: angry },
        { id: 'p', pool: angry },
        { id: 'q', pool: { agent: angry } },
        { id: 'a', logic: angry, task: angry, env: angry, command: [angry] },
      ),
    ],
    [
      'revoked proxies in every place',
      tree(
        revoked(),
        { id: 's', children: revoked() },
        { id: 'p', pool: revoked() },
        { id: 'q', logic: revoked(), task: revoked(), ports: revoked() },
      ),
    ],
    [
      'a class',
      tree(
        new (class {
          id = 'a';
          command = ['x'];
        })(),
      ),
    ],
  ])('finds problems in %s without throwing', (_, input) => {
    for (const problems of [validate(input), validateData(input), validateChild(input, { autoShutdown: 'never' })]) {
      expect(problems.length).toBeGreaterThan(0);
      expect(problems.map(problemText).every((text) => text.length > 0)).toBe(true);
    }
  });

  it('names a node that contains itself, however it comes back to it, and does not go round', () => {
    const outer = { id: 'o', children: [{ id: 'i', children: [] as unknown[] }] };
    outer.children[0]?.children.push(agent(), outer);
    const problem = { path: 'children[0].children[1]', rule: 'must not contain itself', got: undefined };
    expect(validate(outer)).toEqual([problem]);
    expect(validate(cyclic).length).toBeLessThan(20);
  });

  it('allows one object in several places that do not contain each other', () => {
    const shared = [agent(), { id: 'b', command: ['x'] }];
    expect(validate(tree({ id: 'l', children: shared }, { id: 'r', children: shared }))).toEqual([]);
  });

  it('stops reading at the most values, which few shared objects can exceed without bound', () => {
    let wide: unknown = 'x';
    for (let depth = 0; depth < 8; depth++) wide = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [n, wide]));
    const problems = validate(tree(agent({ metadata: { wide } })));
    expect(problems.map(({ rule }) => rule)).toContain('must be one of the first 2000000 values of the input');
    let children: unknown[] = [agent()];
    for (let level = 0; level < 60; level++) {
      children = [
        { id: 'a', children },
        { id: 'b', children },
      ];
    }
    expect(validate({ children }).map(({ rule }) => rule)).toEqual(['must be one of the first 100000 nodes']);
  });

  it('stops after a thousand problems', () => {
    const problems = validate(tree(...Array.from({ length: 50_000 }, () => agent({ cwd: 7 }))));
    expect(problems.length).toBeGreaterThanOrEqual(1_000);
    expect(problems.length).toBeLessThan(1_010);
  });

  it('reads every field once, so that a getter cannot show two faces', () => {
    let reads = 0;
    const child = {
      id: 'a',
      get command() {
        return reads++ === 0 ? ['x'] : 7;
      },
    };
    expect(validate(tree(child))).toEqual([]);
    expect(reads).toBe(1);
  });

  it('sees inherited fields that normalise would see', () => {
    const child = Object.assign(Object.create(Object.assign(Object.create(null), { cwd: 7 })), agent());
    expect(paths(validate(tree(child)))).toEqual(['children[0].cwd']);
  });

  it('never throws, whatever it is given', () => {
    const anything = fc.anything({
      withBigInt: true,
      withMap: true,
      withSet: true,
      withDate: true,
      withNullPrototype: true,
      withSparseArray: true,
      withTypedArray: true,
      withBoxedValues: true,
    });
    const keys = [
      'id',
      'command',
      'children',
      'pool',
      'agent',
      'env',
      'ports',
      'readiness',
      'stop',
      'limits',
      'backoff',
      'metadata',
      'within',
      'type',
      'task',
      'logic',
      '__proto__',
    ];
    const { node } = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: 'small' },
        anything,
        fc.array(tie('node')),
        fc.dictionary(fc.constantFrom(...keys), tie('node')),
      ),
    }));
    fc.assert(
      fc.property(
        fc.oneof(
          anything,
          node,
          node.map((child) => tree(child)),
        ),
        (input) => {
          for (const problem of [...validate(input), ...validateData(input)])
            expect(typeof problem.path).toBe('string');
        },
      ),
      { numRuns: 200 },
    );
  });
});

function refuse(): never {
  throw new Error('no');
}

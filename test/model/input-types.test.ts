import { describe, expect, expectTypeOf, it } from 'vitest';
import { type NodeInput, type SupervisorInput, validate } from '../../src/index.js';

const task = async (): Promise<void> => {};

/** What the compiler refuses is refused at run time as well, for those who have no compiler. */
function problems(child: unknown): string[] {
  return validate({ children: [child] }).map(({ path, rule, got }) => `${path} ${rule}, got ${String(got)}`);
}

describe('the input of a node', () => {
  it('takes one body, children or a pool', () => {
    const inputs = [
      { id: 'a', command: ['sleep', '1'], readiness: { type: 'log', pattern: /up/i } },
      { id: 'b', task, ports: ['http'] },
      { id: 'c', pool: { agent: { task } } },
      { id: 'd', children: [{ id: 'e', command: ['sleep', '1'] }] },
    ] as const satisfies readonly NodeInput[];
    expect(validate({ children: inputs })).toEqual([]);
    expectTypeOf<{ children: typeof inputs }>().toExtend<SupervisorInput>();
  });

  it('must have a body', () => {
    // @ts-expect-error no body
    const input: NodeInput = { id: 'a' };
    expect(problems(input)).toEqual(['children[0] must have exactly one of command, task, logic, got (none)']);
  });

  it('must not have two bodies', () => {
    // @ts-expect-error two bodies
    const input: NodeInput = { id: 'a', command: ['sleep', '1'], task };
    expect(problems(input)).toEqual(['children[0] must have exactly one of command, task, logic, got (command, task)']);
  });

  it.each(['command', 'pool'])('must not have %s and children', (key) => {
    // @ts-expect-error command and children
    const command: NodeInput = { id: 'a', command: ['sleep', '1'], children: [] };
    // @ts-expect-error a pool and children
    const pool: NodeInput = { id: 'a', pool: { agent: { task } }, children: [] };
    expect(problems({ command, pool }[key])).toEqual([
      expect.stringMatching(`^children\\[0\\].${key} must not be given`),
    ]);
  });

  it('has in a pool one body and no id', () => {
    // @ts-expect-error no body
    const none: NodeInput = { id: 'a', pool: { agent: {} } };
    // @ts-expect-error an id
    const named: NodeInput = { id: 'a', pool: { agent: { id: 'x', task } } };
    expect(problems(none)).toHaveLength(1);
    expect(problems(named)).toHaveLength(1);
  });

  it('gives a task no directory', () => {
    // @ts-expect-error a task runs in this process
    const input: NodeInput = { id: 'a', task, cwd: '/' };
    expect(problems(input)).toEqual(['children[0].cwd must not be given without command, got undefined']);
  });

  it('refuses a RegExp where no pattern is meant', () => {
    expect(problems({ id: 'a', command: ['x'], metadata: { pattern: /x/ } })).toHaveLength(1);
    expect(problems({ id: 'a', command: ['x'], readiness: { type: 'port', pattern: /x/ } }).length).toBeGreaterThan(0);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTree } from '../../src/actors/tree.js';
import { GuardedTree } from '../../src/control/access/guarded-tree.js';
import { EndedAgents } from '../../src/control/ended-agents.js';

const children = [
  { id: 'group', children: [] },
  { id: 'a', children: [{ id: 'twin', children: [] }] },
  { id: 'b', children: [{ id: 'twin', children: [] }] },
];

describe('the name of a supervisor', () => {
  const tree = createTree({ children });
  beforeAll(() => tree.start());
  afterAll(() => tree.stop());

  it('is its path, or an id that no other supervisor has', () => {
    expect(tree.supervisor().path).toBe('root');
    expect(tree.supervisor('group').path).toBe('root/group');
    expect(tree.supervisor('root/b/twin').path).toBe('root/b/twin');
    expect(() => tree.supervisor('twin')).toThrow(
      expect.objectContaining({
        code: 'SUPERVISOR_AMBIGUOUS',
        details: { supervisor: 'twin', paths: 'root/a/twin, root/b/twin' },
      }),
    );
    expect(() => tree.supervisor('nobody')).toThrow(expect.objectContaining({ code: 'SUPERVISOR_NOT_FOUND' }));
  });

  it('reveals nothing to a key outside of its subtree', () => {
    const peerOf = (subtree: string) => ({ name: 'k', grants: [{ subtree, roles: ['observe', 'spawn'] }] }) as never;
    const ended = new EndedAgents(() => {});
    const seen = new GuardedTree(tree, ended, peerOf('root/a'));
    expect(seen.supervisor('twin', 'observe').path).toBe('root/a/twin');
    expect(() => seen.supervisor('group', 'observe')).toThrow(
      expect.objectContaining({ code: 'SUPERVISOR_NOT_FOUND' }),
    );
    const other = new GuardedTree(tree, ended, peerOf('root/group'));
    expect(() => other.supervisor('twin', 'observe')).toThrow(
      expect.objectContaining({ code: 'SUPERVISOR_NOT_FOUND' }),
    );
  });
});

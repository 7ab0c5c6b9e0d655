import { expect, it } from 'vitest';
import type { SupervisorView, Tree } from '../../src/contract/view.js';
import { GuardedTree } from '../../src/control/access/guarded-tree.js';
import type { Role } from '../../src/protocol/operations.js';

const FAILED: SupervisorView = {
  kind: 'supervisor',
  path: 'root',
  id: 'root',
  status: 'failed',
  strategy: 'one_for_one',
  failure: { path: 'root/secret/a', reason: 'exit code 3', exit: null },
  children: [
    { kind: 'supervisor', path: 'root/mine', id: 'mine', status: 'stopped', strategy: 'one_for_one', children: [] },
  ],
};

const viewFor = (subtree: string): SupervisorView => {
  const roles: readonly Role[] = ['observe'];
  const tree: Pick<Tree, 'view'> = { view: () => FAILED };
  const peer = { name: 'ops', grants: [{ subtree, roles }] };
  return new GuardedTree(tree as Tree, { find: () => null, views: () => [] }, peer).view();
};

it('shows the culprit of a failed supervisor only to peers that may observe it', () => {
  expect(viewFor('root').failure).toEqual(FAILED.failure);
  expect(viewFor('root/mine')).toMatchObject({ status: 'failed', children: [{ path: 'root/mine' }] });
  expect(viewFor('root/mine')).not.toHaveProperty('failure');
});

import type { AgentView, SupervisorView, TreeView, Usage } from '../contract/view.js';
import type { AgentRow } from '../protocol/operations.js';
import type { Control } from './control.js';

/** Agents with their use of the machine; `null` for what was not measured. */
export async function rowsOf(control: Control, views: readonly AgentView[], measure: boolean): Promise<AgentRow[]> {
  const running = views.filter(({ pid }) => pid !== null).map(({ path }) => path);
  const usage = measure && running.length > 0 ? await control.tree.usage(running) : NONE;
  return views.map((view) => ({ ...view, usage: usage.get(view.path) ?? null }));
}

/** The tree with every agent as its row. */
export async function treeOf(control: Control, measure: boolean): Promise<SupervisorView> {
  const usage = measure ? await control.tree.usage() : NONE;
  const withUsage = (node: TreeView): TreeView => {
    if (node.kind !== 'agent') return { ...node, children: node.children.map(withUsage) };
    const row: TreeView & AgentRow = { ...node, usage: usage.get(node.path) ?? null };
    return row;
  };
  const root = control.tree.view();
  return { ...root, children: root.children.map(withUsage) };
}

const NONE: ReadonlyMap<string, Usage> = new Map();

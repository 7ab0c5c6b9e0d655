import type { AgentHandle, AgentView, SupervisorView, TreeView, Usage } from '../contract/view.js';
import type { AgentRow } from '../protocol/operations.js';
import type { Request } from './request.js';

/** Agents with their cpu and memory; `null` where that was not measured. */
export async function rowsOf({ tree }: Request, views: readonly AgentView[], measure = false): Promise<AgentRow[]> {
  const running = measure ? views.filter(({ pid }) => pid !== null).map(({ path }) => path) : [];
  const usage = running.length > 0 ? await tree.usage(running) : NONE;
  return views.map((view) => ({ ...view, usage: usage.get(view.path) ?? null }));
}

/** The row of an agent. A peer that may not observe it learns its state, which is what became of its command, and not what it runs. */
export async function rowOf(request: Request, agent: AgentHandle, measure = false): Promise<AgentRow> {
  const view = agent.view();
  const row = { ...view, usage: null };
  if (!request.tree.observes(view.path)) return { ...row, ...HIDDEN };
  const [measured = row] = measure ? await rowsOf(request, [view], measure) : [];
  return request.control.ended.has(view.uuid) ? { ...measured, over: true } : measured;
}

/** What only the role `observe` shows. */
const HIDDEN = { command: [], metadata: {}, ports: {}, exit: null, blockers: [] } as const;

/** The tree with every agent as its row. */
export async function treeOf({ tree }: Request, measure = false): Promise<SupervisorView> {
  const usage = measure ? await tree.usage() : NONE;
  const withUsage = (node: TreeView): TreeView => {
    if (node.kind !== 'agent') return { ...node, children: node.children.map(withUsage) };
    const row: TreeView & AgentRow = { ...node, usage: usage.get(node.path) ?? null };
    return row;
  };
  const root = tree.view();
  return { ...root, children: root.children.map(withUsage) };
}

const NONE: ReadonlyMap<string, Usage> = new Map();

import type { AgentHandle, AgentView, SupervisorView, TreeView, Usage } from '../contract/view.js';
import { isWaiting } from '../model/report.js';
import type { AgentRow } from '../protocol/operations.js';
import { keepPacked, packedInParts, withLastField } from '../protocol/packed-parts.js';
import type { Request } from './request.js';

/** Agents with their cpu and memory; `null` when that was not measured. */
export async function rowsOf(request: Request, views: readonly AgentView[], measure = false): Promise<AgentRow[]> {
  const usage = measure ? await usageOf(request, views) : NONE;
  return packedInParts(views.map((view) => measured(view, usage)));
}

/** The row of an agent. A peer without `observe` gets its state, which is the result of its command, but not its details. */
export async function rowOf(request: Request, agent: AgentHandle, measure = false): Promise<AgentRow> {
  const view = agent.view();
  if (!request.tree.observes(view.path))
    return { ...view, usage: null, ...HIDDEN, detail: isWaiting(view) ? view.state : view.detail };
  const row = measured(view, measure ? await usageOf(request, [view]) : NONE);
  return request.control.ended.has(view.uuid) ? { ...row, over: true } : row;
}

/** The fields that need the role `observe`. */
const HIDDEN = { command: [], metadata: {}, ports: {}, exit: null, blockers: [] } as const;

/** The tree with every agent as its row. */
export async function treeOf({ tree }: Request, measure = false): Promise<SupervisorView> {
  const usage = measure ? await tree.usage() : NONE;
  const withUsage = (node: TreeView): TreeView =>
    node.kind === 'agent' ? measured(node, usage) : supervisorRow(node, withUsage);
  return supervisorRow(tree.view(), withUsage);
}

function supervisorRow(node: SupervisorView, rowOf: (child: TreeView) => TreeView): SupervisorView {
  return packedInParts({ ...node, children: packedInParts(node.children.map(rowOf)) });
}

async function usageOf({ tree }: Request, views: readonly AgentView[]): Promise<ReadonlyMap<string, Usage>> {
  const running = views.filter(({ pid }) => pid !== null).map(({ path }) => path);
  return running.length === 0 ? NONE : tree.usage(running);
}

/** The row of a view without usage, cached: an unchanged agent has the same view, and so the same row. */
const unmeasured = new WeakMap<AgentView, AgentRow>();

function measured<V extends AgentView>(view: V, usage: ReadonlyMap<string, Usage>): V & AgentRow {
  let row = unmeasured.get(view) as (V & AgentRow) | undefined;
  if (row === undefined) {
    row = keepPacked({ ...view, usage: null });
    unmeasured.set(view, row);
  }
  const known = usage.get(view.path);
  return known === undefined ? row : withLastField(row, 'usage', known);
}

const NONE: ReadonlyMap<string, Usage> = new Map();

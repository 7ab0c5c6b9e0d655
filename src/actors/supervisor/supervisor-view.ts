import type { SupervisorView } from '../../contract/view.js';
import { describeReason, type Reason } from '../../model/reason.js';
import type { Failure } from '../../model/report.js';
import type { PoolSpec, SupervisorSpec } from '../../model/spec.js';
import { AgentChild, type Child } from '../agent/child.js';

/** The failure of a supervisor by its child at `path`; that of the child itself when it is a supervisor that has failed. */
export function failureBy(child: Child | undefined, path: string, reason: Reason): Failure {
  if (child?.failure) return child.failure;
  const [agent] = child instanceof AgentChild ? child.agents() : [];
  return { path, reason: describeReason(reason), exit: agent?.exit ?? null };
}

/** The view of a supervisor with those of its children. */
export function viewOf(
  {
    spec,
    path,
    status,
    failure,
  }: Pick<SupervisorView, 'path' | 'status'> & { spec: SupervisorSpec | PoolSpec; failure: Failure | null },
  children: SupervisorView['children'],
): SupervisorView {
  const { kind, id } = spec;
  const strategy = spec.kind === 'pool' ? 'pool' : spec.strategy;
  return { kind, path, id, status, strategy, children, ...(failure !== null && { failure }) };
}

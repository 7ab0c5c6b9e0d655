import type { AgentView, SupervisorView } from '../contract/view.js';
import { describeExit } from '../model/reason.js';

/** The supervisors of this tree that failed, the outermost first, each as a sentence without its full stop that names the last agent below it that ended by itself, with its exit and its last line. */
export function failedSupervisors(root: SupervisorView): string[] {
  const inner = root.children.flatMap((child) => (child.kind === 'agent' ? [] : failedSupervisors(child)));
  return root.status === 'failed' ? [sentenceFor(root), ...inner] : inner;
}

function sentenceFor(supervisor: SupervisorView): string {
  const [culprit] = agentsIn(supervisor)
    .flatMap(({ path, exit }) => (exit === null || exit.commanded ? [] : [{ path, exit }]))
    .sort((a, b) => b.exit.exitedAt - a.exit.exitedAt);
  if (culprit === undefined) return `${supervisor.path} failed`;
  const line = culprit.exit.tail.at(-1);
  const said = line === undefined ? '' : `, its last line: ${JSON.stringify(line)}`;
  return `${supervisor.path} failed: ${culprit.path} ended with ${describeExit(culprit.exit)}${said}`;
}

function agentsIn(supervisor: SupervisorView): AgentView[] {
  return supervisor.children.flatMap((child) => (child.kind === 'agent' ? [child] : agentsIn(child)));
}

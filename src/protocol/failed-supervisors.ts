import type { SupervisorView } from '../contract/view.js';
import { failureText } from '../model/report.js';

/** The supervisors of this tree that failed, the outermost first, each as a sentence without its full stop: what made it fail, with its exit and its last lines. */
export function failedSupervisors(root: SupervisorView): string[] {
  const inner = root.children.flatMap((child) => (child.kind === 'agent' ? [] : failedSupervisors(child)));
  return root.status === 'failed' ? [sentenceFor(root), ...inner] : inner;
}

function sentenceFor({ path, failure }: SupervisorView): string {
  const reason = failureText(failure ?? null);
  return reason === null ? `${path} failed` : `${path} failed, because ${reason}`;
}

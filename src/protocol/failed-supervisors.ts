import type { SupervisorView } from '../contract/view.js';
import { failureText } from '../model/report.js';

/** The failed supervisors of this tree, the outermost first, each as a sentence without its full stop: its culprit, with exit and last lines. */
export function failedSupervisors(root: SupervisorView): string[] {
  const inner = root.children.flatMap((child) => (child.kind === 'agent' ? [] : failedSupervisors(child)));
  return root.status === 'failed' ? [sentenceFor(root), ...inner] : inner;
}

function sentenceFor({ path, failure }: SupervisorView): string {
  const reason = failureText(failure ?? null);
  return reason === null ? `${path} failed` : `${path} failed, because ${reason}`;
}

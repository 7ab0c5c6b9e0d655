import { childrenOfMainThread } from '../proc/proc.js';

/** Why no keeper can run on this machine, as the end of a sentence; `null` when nothing is known that speaks against it. Nothing is started. */
export function keeperObstacle(): string | null {
  return childrenOfMainThread() === undefined ? 'the kernel lists no children in /proc' : null;
}

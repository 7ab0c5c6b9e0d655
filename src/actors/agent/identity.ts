import type { Output } from '../output/output.js';

/** What stays with a path over all its incarnations, also when its supervisor begins anew. */
export interface Identity {
  readonly uuid: string;
  readonly createdAt: number;
  /** The last incarnation that was started. */
  incarnation: number;
  starts: number;
  /** Its output, numbered on over all incarnations; `null` before its agent is made for the first time. */
  output: Output | null;
  /** Called after every change of its agent, and when the tree has ended; `null` while nobody waits. */
  watchers: Set<() => void> | null;
}

import type { GuardedTree } from './access/guarded-tree.js';
import type { Control } from './control.js';
import type { RequestContext } from './request-context.js';

/** One request in a control. */
export interface Request {
  readonly control: Control;
  /** The tree, guarded for the peer of the request. */
  readonly tree: GuardedTree;
  readonly context: RequestContext;
  /** The message as it came. */
  readonly bytes: Uint8Array;
}

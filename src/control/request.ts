import type { GuardedTree } from './access/guarded-tree.js';
import type { Control } from './control.js';
import type { RequestContext } from './request-context.js';

/** One request on its way through a control. */
export interface Request {
  readonly control: Control;
  /** The tree as the peer of the request may use it. */
  readonly tree: GuardedTree;
  readonly context: RequestContext;
}

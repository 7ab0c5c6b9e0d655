import { SupertreeError } from '../errors.js';
import { isMap } from '../protocol/kinds.js';
import type { Addition } from './additions.js';
import type { Control } from './control.js';

/** Runs `add` while `count` more agents are allowed for. Throws AGENT_LIMIT before anything is added. */
export async function withinLimit<T>(control: Control, addition: Addition, add: () => Promise<T>): Promise<T> {
  const { tree, additions, maxAgents } = control;
  if (tree.size + additions.missing + addition.count > maxAgents) {
    throw new SupertreeError('AGENT_LIMIT', { max: maxAgents });
  }
  const over = additions.add(addition);
  try {
    return await add();
  } finally {
    over();
  }
}

/** How many agents a node brings with it, as far as can be told before it is validated. */
export function agentsIn(node: unknown): number {
  if (!isMap(node)) return 1;
  if (isMap(node.pool)) return typeof node.pool.size === 'number' ? node.pool.size : 0;
  return Array.isArray(node.children) ? node.children.reduce((sum: number, child) => sum + agentsIn(child), 0) : 1;
}

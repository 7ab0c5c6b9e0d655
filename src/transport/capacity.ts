import { SupertreeError } from '../errors.js';
import { isMap } from './kinds.js';
import type { Service } from './service.js';

/** Runs `add` while `count` more agents are allowed for. Throws AGENT_LIMIT before anything is added. */
export async function withinLimit<T>(service: Service, id: string, count: number, add: () => Promise<T>): Promise<T> {
  const { whole, adding, maxAgents } = service;
  // An id that is being added may already be in the tree: it is counted once.
  const known = whole.agents();
  const pending = [...adding].filter((each) => !known.some((agent) => agent.id === each));
  if (known.length + pending.length + count > maxAgents) throw new SupertreeError('AGENT_LIMIT', { max: maxAgents });
  adding.add(id);
  try {
    return await add();
  } finally {
    adding.delete(id);
  }
}

/** How many agents a node brings with it, as far as can be told before it is validated. */
export function agentsIn(node: unknown): number {
  if (!isMap(node)) return 1;
  if (isMap(node.pool)) return typeof node.pool.size === 'number' ? node.pool.size : 0;
  return Array.isArray(node.children) ? node.children.reduce((sum: number, child) => sum + agentsIn(child), 0) : 1;
}

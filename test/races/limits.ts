import type { NodeInput, SupervisorInput } from '../../src/model/input.js';

/** The limits of a supervisor or pool that the checks need. */
export interface Limits {
  readonly maxRestarts: number;
  readonly onExhausted: string;
}

/** The limits of every supervisor and pool of a tree, by path. */
export function limitsByPath(input: SupervisorInput): ReadonlyMap<string, Limits> {
  const found = new Map<string, Limits>();
  const walk = (node: NodeInput, path: string): void => {
    if (node.children === undefined && node.pool === undefined) return;
    found.set(path, { maxRestarts: node.maxRestarts ?? 5, onExhausted: node.onExhausted ?? 'escalate' });
    if (node.children !== undefined) for (const child of node.children) walk(child, `${path}/${child.id}`);
  };
  walk(input, input.id ?? 'root');
  return found;
}

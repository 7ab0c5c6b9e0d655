import type { AgentCell } from './cell.js';

/**
 * Waits for an agent to come to something. `outcome` is asked now and after every change: `undefined` goes on waiting, an Error
 * rejects, anything else resolves.
 */
export function until<T>(cell: AgentCell, outcome: () => T | Error | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (): boolean => {
      const found = outcome();
      if (found === undefined) return false;
      if (found instanceof Error) reject(found);
      else resolve(found);
      return true;
    };
    if (settle()) return;
    cell.watchers ??= new Set();
    const { watchers } = cell;
    const watcher = (): void => {
      if (settle()) watchers.delete(watcher);
    };
    watchers.add(watcher);
  });
}

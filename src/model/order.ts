import type { Strategy } from './spec.js';

/** The children that are restarted when `id` ends, in start order, itself included (T1, T2, T3): a copy, because children may be removed during a walk. */
export function affectedBy(strategy: Strategy, order: readonly string[], id: string): string[] {
  switch (strategy) {
    case 'one_for_one':
      return [id];
    case 'one_for_all':
      return [...order];
    case 'rest_for_one':
      return order.slice(order.indexOf(id));
  }
}

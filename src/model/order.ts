import type { Strategy } from './spec.js';

/** The children that an end of `id` touches, in start order, itself included (T1, T2, T3): a copy, since children may be forgotten on a walk over it. */
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

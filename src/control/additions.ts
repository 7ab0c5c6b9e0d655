import { parentOf } from '../model/id.js';
import type { Report } from '../model/report.js';

/** Agents that are being added. */
export interface Addition {
  /** Of the agent or supervisor that is to be. */
  readonly path: string;
  readonly count: number;
}

interface Pending extends Addition {
  /** How many of them the tree has by now. */
  present: number;
}

/**
 * What is being added: the tree learns of it later, and in part. How many agents are still to come is counted with each report, so that one
 * more addition costs the same whatever is under way. `take` is to be called with every report of the tree.
 */
export class Additions {
  readonly #byPath = new Map<string, Set<Pending>>();
  #missing = 0;

  /** How many agents are being added that the tree does not have yet. */
  get missing(): number {
    return this.#missing;
  }

  /** True while something is being added at this very path. */
  has(path: string): boolean {
    return this.#byPath.has(path);
  }

  /** Returns a function to be called when the addition is over. */
  add(addition: Addition): () => void {
    const pending: Pending = { ...addition, present: 0 };
    const same = this.#byPath.get(addition.path) ?? new Set();
    this.#byPath.set(addition.path, same.add(pending));
    this.#missing += missingOf(pending);
    return () => {
      this.#missing -= missingOf(pending);
      same.delete(pending);
      if (same.size === 0) this.#byPath.delete(addition.path);
    };
  }

  take(report: Report): void {
    if (this.#byPath.size === 0) return;
    if (report.type === 'created') this.#count(report.path, 1);
    if (report.type === 'removed') this.#count(report.path, -1);
  }

  #count(agent: string, change: number): void {
    for (let path: string | null = agent; path !== null; path = parentOf(path)) {
      for (const pending of this.#byPath.get(path) ?? []) {
        this.#missing -= missingOf(pending);
        pending.present += change;
        this.#missing += missingOf(pending);
      }
    }
  }
}

function missingOf({ count, present }: Pending): number {
  return Math.max(0, count - present);
}

import type { Tree } from '../../contract/view.js';
import type { Report } from '../../model/report.js';

/** A part of a control that follows the tree. */
export interface ReportConsumer {
  take(report: Report): unknown;
}

/**
 * The one listener of a control in its tree: hands each report to every consumer, in their order, and to those who follow the agent or supervisor
 * that it is about. A consumer that throws harms no other: `failed` is called with what it threw.
 */
export class ReportFanOut {
  readonly #consumers: readonly ReportConsumer[];
  readonly #failed: (thrown: unknown) => void;
  readonly #followers = new Map<string, Set<ReportConsumer>>();
  readonly #unsubscribe: () => void;

  constructor(tree: Tree, consumers: readonly ReportConsumer[], failed: (thrown: unknown) => void) {
    this.#consumers = consumers;
    this.#failed = failed;
    this.#unsubscribe = tree.subscribe((report) => {
      for (const consumer of this.#consumers) this.#give(consumer, report);
      for (const follower of this.#followers.get(report.path) ?? []) this.#give(follower, report);
    });
  }

  /** Gives `follower` the reports about one path. Returns the function that ends that. */
  follow(path: string, follower: ReportConsumer): () => void {
    const followers = this.#followers.get(path) ?? new Set();
    this.#followers.set(path, followers.add(follower));
    return () => {
      followers.delete(follower);
      if (followers.size === 0 && this.#followers.get(path) === followers) this.#followers.delete(path);
    };
  }

  close(): void {
    this.#unsubscribe();
  }

  #give(consumer: ReportConsumer, report: Report): void {
    try {
      consumer.take(report);
    } catch (thrown) {
      this.#failed(thrown);
    }
  }
}

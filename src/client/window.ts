import type { PendingRequest } from './requests.js';

/** The requests that were sent and are not answered. Abandoned ones count: the server counts them too. */
export class Window {
  readonly #max: number;
  readonly #waiting = new Map<string, PendingRequest>();
  readonly #abandoned = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  get isFull(): boolean {
    return this.#waiting.size + this.#abandoned.size >= this.#max;
  }

  /** The number of requests that were not abandoned. */
  get waiting(): number {
    return this.#waiting.size;
  }

  add(request: PendingRequest): void {
    this.#waiting.set(request.id, request);
  }

  get(id: string): PendingRequest | undefined {
    return this.#waiting.get(id);
  }

  /** Its answer has come. */
  remove(id: string): void {
    this.#waiting.delete(id);
    this.#abandoned.delete(id);
  }

  /** Its caller has given up, and its answer may still come. Some answers never do: one place is always left for a new request. */
  abandon(id: string): void {
    if (!this.#waiting.delete(id)) return;
    this.#abandoned.add(id);
    const [oldest = ''] = this.#abandoned;
    if (this.#abandoned.size >= this.#max) this.#abandoned.delete(oldest);
  }

  /** Removes all requests, because their connection is gone. Returns those that were not abandoned. */
  clear(): PendingRequest[] {
    const stranded = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#abandoned.clear();
    return stranded;
  }
}

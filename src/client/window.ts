import type { Ticket } from './requests.js';

/** The requests that were sent and are not answered. Those that nobody waits for any more count: the server counts them too. */
export class Window {
  readonly #max: number;
  readonly #waiting = new Map<string, Ticket>();
  readonly #abandoned = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  get isFull(): boolean {
    return this.#waiting.size + this.#abandoned.size >= this.#max;
  }

  /** How many somebody waits for. */
  get waiting(): number {
    return this.#waiting.size;
  }

  add(ticket: Ticket): void {
    this.#waiting.set(ticket.id, ticket);
  }

  get(id: string): Ticket | undefined {
    return this.#waiting.get(id);
  }

  /** Its answer has come. */
  remove(id: string): void {
    this.#waiting.delete(id);
    this.#abandoned.delete(id);
  }

  /** Nobody waits for it any more, and its answer may come all the same. Some answers never do: one place is always left for what is new. */
  abandon(id: string): void {
    if (!this.#waiting.delete(id)) return;
    this.#abandoned.add(id);
    const [oldest = ''] = this.#abandoned;
    if (this.#abandoned.size >= this.#max) this.#abandoned.delete(oldest);
  }

  /** Takes out all: their connection is gone. Returns those that somebody waits for. */
  clear(): Ticket[] {
    const stranded = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#abandoned.clear();
    return stranded;
  }
}

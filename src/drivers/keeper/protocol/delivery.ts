/**
 * One side of a link, which outlives its connections: it keeps what it has sent until the other side has that, and counts what comes. So at the next connection
 * each side sends what the other one does not have, and no message is lost or handled twice.
 */
export class Delivery {
  readonly #sent: Uint8Array[] = [];
  #confirmed = 0;
  #received = 0;
  #reported = 0;

  /** How many messages have come and were handled. */
  get received(): number {
    return this.#received;
  }

  /** What the other side does not have, as far as this one knows, oldest first. */
  get unconfirmed(): readonly Uint8Array[] {
    return this.#sent;
  }

  /** Keeps a message. */
  add(message: Uint8Array): void {
    this.#sent.push(message);
  }

  /** The other side has this many messages. False when that cannot be: it had more before, or there were not so many. */
  confirm(count: number): boolean {
    const number = count - this.#confirmed;
    if (number < 0 || number > this.#sent.length) return false;
    this.#sent.splice(0, number);
    this.#confirmed = count;
    return true;
  }

  /** A message was handled. */
  count(): void {
    this.#received += 1;
  }

  /** How many have come, to be reported to the other side; `null` when fewer than `step` have come since the last report. */
  takeReport(step: number): number | null {
    if (this.#received - this.#reported < step) return null;
    this.#reported = this.#received;
    return this.#received;
  }
}

/** After so many messages at the latest one side reports to the other how many it has. */
export const REPORT_STEP = 64;

/** R5: the restarts of the reference models, in whole seconds, the boundary included. */
export class Intensity {
  #restarts: number[] = [];
  readonly #intensity: number;
  readonly #period: number;

  /** `period`: in seconds. */
  constructor({ intensity, period }: { readonly intensity: number; readonly period: number }) {
    this.#intensity = intensity;
    this.#period = period;
  }

  /** True when one more restart would be one too many. `now`: in ms. */
  wouldBeExceededAt(now: number): boolean {
    const second = Math.floor(now / 1000);
    return this.#restarts.filter((then) => then >= second - this.#period).length >= this.#intensity;
  }

  /** Counts a restart. True when it is one too many. `now`: in ms. */
  isExceededAt(now: number): boolean {
    const second = Math.floor(now / 1000);
    this.#restarts = [second, ...this.#restarts.filter((then) => then >= second - this.#period)];
    return this.#restarts.length > this.#intensity;
  }
}

/** When the stages of the stop of an incarnation were begun. */
export class StageTimes {
  #last: number | undefined;

  /** The time since the last stage, in ms; 0 for the first. The next one begins `now`. */
  since(now: number): number {
    const since = now - (this.#last ?? now);
    this.#last = now;
    return since;
  }
}

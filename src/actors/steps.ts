import type { Clock } from '../contract/clock.js';

/** An effect of a chart or an engine, with all its arguments. Never throws. */
type Effect = () => void;

/** The part of a clock that XState's actors use. */
export type ActorClock = Pick<Clock, 'setTimeout' | 'clearTimeout'>;

/**
 * Performs the effects of a step when the step is over: of a chart, or of a supervisor's engine. XState would perform those of a chart during the step,
 * when the actor still has its old state: a listener of the new state would then read the old one.
 *
 * 1. An event, a fact, or the end of a delay is one step. Its effects are recorded in order.
 * 2. The step is over and the chart or engine has its new state: the effects are performed.
 * 3. Steps of the same owner that they cause wait until all of them are performed, so that the effects of two steps never mix. Steps of another owner are
 *    taken at once.
 */
export class Steps {
  /** The clock of the actors: the end of a delay is a step. */
  readonly clock: ActorClock;
  readonly #performing = new Map<object, (() => void)[]>();
  #recorded: Effect[] | null = null;
  #owner: object | null = null;

  constructor(clock: ActorClock) {
    this.clock = {
      setTimeout: (fn, ms) => clock.setTimeout(() => this.#delayIsOver(fn), ms),
      clearTimeout: (timer) => clock.clearTimeout(timer),
    };
  }

  /** Takes a step of `owner`: `step` sends an event to its actor, or a fact to its engine. */
  take(owner: object, step: () => void): void {
    const waiting = this.#performing.get(owner);
    if (waiting === undefined) this.#takeAll(owner, [step]);
    else waiting.push(step);
  }

  /** Records an effect of the step that `owner` is taking. */
  record(owner: object, effect: Effect): void {
    this.#owner = owner;
    if (this.#recorded === null) effect();
    else this.#recorded.push(effect);
  }

  /** `steps` grows while effects cause more of them. */
  #takeAll(owner: object, steps: (() => void)[]): void {
    this.#performing.set(owner, steps);
    try {
      for (const step of steps) for (const effect of this.#effectsOf(step)) effect();
    } finally {
      this.#performing.delete(owner);
    }
  }

  /** The effects tell whose delay it was. */
  #delayIsOver(fire: () => void): void {
    const effects = this.#effectsOf(fire);
    const owner = this.#owner;
    if (effects.length === 0 || owner === null) return;
    this.take(owner, () => {
      for (const effect of effects) this.record(owner, effect);
    });
  }

  #effectsOf(step: () => void): readonly Effect[] {
    const outer = this.#recorded;
    const effects: Effect[] = [];
    this.#recorded = effects;
    try {
      step();
    } finally {
      this.#recorded = outer;
    }
    return effects;
  }
}

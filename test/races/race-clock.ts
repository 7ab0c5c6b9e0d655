import type { Clock } from '../../src/contract/clock.js';
import type fc from '../fast-check.js';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
  /** True when time does not pass for this timer alone (`unref`). */
  isBackground: boolean;
  unref(): void;
}

/** A clock whose steps are tasks of fast-check's scheduler: deferred functions and the passing of time run in any order. */
export interface RaceClock extends Clock {
  /** Runs `act` as a task of the scheduler. */
  later(label: string, act: () => void): void;
  /** The number of timers, without background timers. */
  pending(): number;
  /** The errors that tasks threw. */
  readonly thrown: unknown[];
}

/**
 * Time itself is in order: each timer that is set and that keeps a program alive brings one task that moves time to the earliest timer there is then, and one more
 * after each timer that does not keep a program alive. A timer that is cleared leaves its task behind, so time may also pass faster than everything else.
 */
export function createRaceClock(scheduler: fc.Scheduler): RaceClock {
  let now = 0;
  let order = 0;
  const timers = new Set<Timer>();
  const thrown: unknown[] = [];
  const later = (label: string, act: () => void): void => {
    scheduler
      .schedule(Promise.resolve(), label)
      .then(act)
      .catch((error: unknown) => void thrown.push(error));
  };
  const fireEarliest = (): void => {
    const [first] = [...timers].sort((a, b) => a.at - b.at || a.order - b.order);
    if (first === undefined || [...timers].every(({ isBackground }) => isBackground)) return;
    timers.delete(first);
    now = Math.max(now, first.at);
    first.fire();
    if (first.isBackground) later('time passes', fireEarliest);
  };
  return {
    now: () => now,
    wall: () => EPOCH + now,
    setTimeout: (fire, ms) => {
      if (ms === Number.POSITIVE_INFINITY) return undefined;
      const timer: Timer = {
        ...{ at: now + ms, order: order++, fire, isBackground: false },
        unref: () => {
          timer.isBackground = true;
        },
      };
      timers.add(timer);
      queueMicrotask(() => {
        if (!timer.isBackground) later('time passes', fireEarliest);
      });
      return timer;
    },
    clearTimeout: (timer) => void timers.delete(timer as Timer),
    defer: (fn) => later('deferred', fn),
    later,
    pending: () => [...timers].filter(({ isBackground }) => !isBackground).length,
    thrown,
  };
}

const EPOCH = Date.UTC(2000, 0, 1);

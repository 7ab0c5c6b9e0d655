import type { Clock } from '../../src/contract/clock.js';
import type fc from '../fast-check.js';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

/** A clock whose every step is a task of fast-check's scheduler: what is deferred runs in any order, against time that goes on in any order. */
export interface RaceClock extends Clock {
  /** Runs `act` as a task of the scheduler. */
  later(label: string, act: () => void): void;
  /** How many timers are set. */
  pending(): number;
  /** What tasks threw. */
  readonly thrown: unknown[];
}

/**
 * Time itself is in order: each timer that is set brings one task that moves time to the earliest timer there is then. A timer that is
 * cleared leaves its task behind, so time may also pass faster than everything else.
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
    if (first === undefined) return;
    timers.delete(first);
    now = Math.max(now, first.at);
    first.fire();
  };
  return {
    now: () => now,
    wall: () => EPOCH + now,
    setTimeout: (fire, ms) => {
      if (ms === Number.POSITIVE_INFINITY) return undefined;
      const timer = { at: now + ms, order: order++, fire };
      timers.add(timer);
      later('time passes', fireEarliest);
      return timer;
    },
    clearTimeout: (timer) => void timers.delete(timer as Timer),
    defer: (fn) => later('deferred', fn),
    later,
    pending: () => timers.size,
    thrown,
  };
}

const EPOCH = Date.UTC(2000, 0, 1);

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/contract/clock.js';

const DAY = 86_400_000;

describe('a timer of the system clock', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('waits longer than a timer of Node can', () => {
    let fired = 0;
    systemClock.setTimeout(() => fired++, 60 * DAY);
    vi.advanceTimersByTime(60 * DAY - 1);
    expect(fired).toBe(0);
    vi.advanceTimersByTime(1);
    expect(fired).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is cleared in any of its parts', () => {
    for (const after of [0, 30 * DAY, 55 * DAY]) {
      let fired = 0;
      const timer = systemClock.setTimeout(() => fired++, 60 * DAY);
      vi.advanceTimersByTime(after);
      systemClock.clearTimeout(timer);
      expect(vi.getTimerCount()).toBe(0);
      vi.advanceTimersByTime(60 * DAY);
      expect(fired).toBe(0);
    }
  });

  it('never comes when it is infinite', () => {
    systemClock.setTimeout(() => {}, Number.POSITIVE_INFINITY);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([Number.NaN, -1, Number.NEGATIVE_INFINITY])('comes at once when its delay is %d', (ms) => {
    let fired = 0;
    systemClock.setTimeout(() => fired++, ms);
    vi.advanceTimersByTime(1);
    expect(fired).toBe(1);
  });
});

import { describe, expect, it } from 'vitest';
import { SpawnQueue } from '../../../src/drivers/local/spawn-queue.js';
import { createVirtualClock } from '../../../src/testing/virtual-clock.js';

describe('the queue of spawns', () => {
  it('starts an agent that has not run yet before hundreds that crash repeatedly', async () => {
    const clock = createVirtualClock();
    const queue = new SpawnQueue(clock);
    const ran: string[] = [];
    const crash = (name: string): void => {
      ran.push(name);
      if (ran.length < 2_000) queue.push(() => crash(name), false);
    };
    for (let i = 0; i < 200; i++) queue.push(() => crash(`bad ${i}`), false);
    queue.push(() => ran.push('good'), true);
    await clock.settle();
    expect(ran.indexOf('good')).toBe(0);
    expect(ran.slice(1, 201)).toEqual(Array.from({ length: 200 }, (_, i) => `bad ${i}`));
    expect(ran.slice(201, 401)).toEqual(ran.slice(1, 201));
  });
});

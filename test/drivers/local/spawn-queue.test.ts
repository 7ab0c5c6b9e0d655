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

  it('runs so many jobs at a time, and the first start before the restarts that wait', async () => {
    const clock = createVirtualClock();
    const queue = new SpawnQueue(clock, 2);
    const ran: string[] = [];
    for (const name of ['a', 'b', 'c', 'd']) queue.push(() => ran.push(name), false);
    await clock.settle();
    expect(ran).toEqual(['a', 'b']);
    queue.push(() => ran.push('good'), true);
    queue.done();
    await clock.settle();
    expect(ran).toEqual(['a', 'b', 'good']);
    for (let n = 0; n < 3; n++) {
      queue.done();
      await clock.settle();
    }
    expect(ran).toEqual(['a', 'b', 'good', 'c', 'd']);
    queue.push(() => ran.push('later'), false);
    await clock.settle();
    expect(ran).toContain('later');
  });
});

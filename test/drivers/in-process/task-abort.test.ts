import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createInProcessDriver } from '../../../src/drivers/in-process/in-process.js';
import type { TaskContext } from '../../../src/model/spec.js';
import { createVirtualClock } from '../../../src/testing/index.js';
import { orderFor, Recorder } from '../../contract/recorder.js';
import { launchTask } from './launch.js';

/** Runs a task until it has its signal, and aborts it. */
async function aborted(use: (signal: AbortSignal, end: () => void) => void) {
  const subject = await launchTask(({ signal }: TaskContext) => new Promise<void>((end) => use(signal, end)));
  subject.body.ask('SIGTERM');
  await subject.recorder.ended();
  // What an EventTarget makes of a throw comes a turn later; Vitest fails on it.
  await sleep(20);
  return subject;
}

describe('a task that is asked to stop by a listener of SPAWNED', () => {
  it('is never called, and ends as aborted', async () => {
    const clock = createVirtualClock();
    const driver = createInProcessDriver({ clock });
    const recorder = new Recorder();
    let called = 0;
    const task = () => {
      called += 1;
      return new Promise<void>(() => {});
    };
    recorder.onFact = ({ type }) => {
      if (type === 'SPAWNED') body.ask('SIGTERM');
    };
    const body = driver.start(orderFor({ task }), recorder);
    await clock.settle();
    expect(recorder.types()).toEqual(['SPAWNED', 'EXITED']);
    expect(recorder.get('EXITED')).toMatchObject({ code: 0, detail: 'aborted' });
    expect(called).toBe(0);
  });
});

describe('a listener of the signal of a task', () => {
  it.each([
    ['addEventListener', (signal: AbortSignal, listener: () => void) => signal.addEventListener('abort', listener)],
    [
      'onabort',
      (signal: AbortSignal, listener: () => void) => {
        signal.onabort = listener;
      },
    ],
    [
      'handleEvent',
      (signal: AbortSignal, listener: () => void) => signal.addEventListener('abort', { handleEvent: listener }),
    ],
    [
      'a rejection',
      (signal: AbortSignal, listener: () => void) => signal.addEventListener('abort', async () => listener()),
    ],
  ])('may throw, by way of %s: that is told and harms nobody', async (_, listen) => {
    const { recorder, problems } = await aborted((signal, end) => {
      listen(signal, () => {
        end();
        throw new Error('from a listener');
      });
    });
    expect(recorder.get('EXITED')).toMatchObject({ code: 0 });
    expect(problems).toEqual(['root/subject an abort listener threw: from a listener']);
  });

  it('is added once, called once and removed as with any signal', async () => {
    const calls: string[] = [];
    await aborted((signal, end) => {
      const twice = () => calls.push('twice');
      const never = () => calls.push('never');
      signal.addEventListener('abort', twice);
      signal.addEventListener('abort', twice);
      signal.addEventListener('abort', never);
      signal.removeEventListener('abort', never);
      signal.addEventListener('abort', never, { once: true });
      signal.removeEventListener('abort', never);
      signal.addEventListener('abort', function (this: AbortSignal, event) {
        calls.push(`${this === signal} ${event.type} ${signal.aborted}`);
        end();
      });
      signal.onabort = never;
      signal.onabort = null;
    });
    expect(calls).toEqual(['twice', 'true abort true']);
  });

  it('may be that of Node itself', async () => {
    const ends: string[] = [];
    await aborted((signal, end) => {
      expect(signal).toBeInstanceOf(AbortSignal);
      const note = (error: Error) => ends.push(error.name);
      const waits = [
        sleep(60_000, null, { signal }),
        once(new EventTarget(), 'never', { signal }),
        once(signal, 'abort').then(() => Promise.reject(new Error('heard'))),
        sleep(60_000, null, { signal: AbortSignal.any([signal]) }),
      ];
      void Promise.all(waits.map((wait) => wait.catch(note))).then(end);
    });
    expect(ends.toSorted()).toEqual(['AbortError', 'AbortError', 'AbortError', 'Error']);
  });
});

import { describe, expect, it } from 'vitest';
import { assign, createMachine, fromCallback, fromPromise, fromTransition, log, sendParent, setup } from 'xstate';
import { createInProcessDriver } from '../../../src/drivers/in-process/in-process.js';
import type { AgentInput } from '../../../src/model/input.js';
import { createVirtualClock } from '../../../src/testing/index.js';
import { begin, orderFor } from '../../contract/recorder.js';
import { launch } from './launch.js';

describe('a logic', () => {
  it('is given its input, and its output is its last line', async () => {
    const { recorder } = await launch({
      logic: fromPromise(async ({ input }: { input: { n: number } }) => ({ twice: input.n * 2 })),
      input: { n: 21 },
    });
    expect(recorder.get('EXITED')).toMatchObject({ code: 0, detail: '' });
    expect(recorder.text()).toBe('{ twice: 42 }\n');
  });

  it('lives in the time of the tree', async () => {
    const logic = createMachine({ initial: 'a', states: { a: { after: { 60000: 'b' } }, b: { type: 'final' } } });
    const { clock, recorder } = await launch({ logic });
    await clock.advance(59_999);
    expect(recorder.types()).toEqual(['SPAWNED']);
    await clock.advance(1);
    expect(recorder.get('EXITED')).toMatchObject({ code: 0 });
  });

  it('is stopped with its children and its timers', async () => {
    let cleaned = 0;
    const child = fromCallback(() => () => cleaned++);
    const logic = setup({ actors: { child } }).createMachine({
      invoke: { src: 'child' },
      initial: 'a',
      states: { a: { after: { 60000: 'b' } }, b: {} },
    });
    const { clock, body, recorder } = await launch({ logic });
    body.ask('SIGTERM');
    expect([recorder.types(), cleaned]).toEqual([['SPAWNED'], 0]);
    await clock.settle();
    expect(recorder.get('EXITED')).toMatchObject({ code: 0, signal: null });
    expect([cleaned, clock.pending()]).toEqual([1, 0]);
  });

  it('is not started when it is asked to stop at the news of its start', async () => {
    const started: string[] = [];
    const logic = fromCallback(() => {
      started.push('started');
    });
    const clock = createVirtualClock();
    const driver = createInProcessDriver({ clock });
    const { body, recorder } = begin(driver, orderFor({ logic }));
    recorder.onFact = ({ type }) => type === 'SPAWNED' && body.ask('SIGTERM');
    await clock.settle();
    expect([recorder.types(), started]).toEqual([['SPAWNED', 'EXITED'], []]);
  });

  const throwing = (): never => {
    throw new Error('boom');
  };
  const wrongs: Record<string, AgentInput['logic']> = {
    'making its context': createMachine({ context: throwing }),
    'its entry action': createMachine({ entry: throwing }),
    'an action': createMachine({ on: { input: { actions: throwing } } }),
    'a guard': createMachine({ on: { input: { guard: throwing, actions: () => {} } } }),
    'an assign': createMachine({ on: { input: { actions: assign(throwing) } } }),
    'a child that is not listened to': createMachine({ invoke: { src: fromPromise(throwing) } }),
    'starting a callback': fromCallback(throwing),
    'a receiver of a callback': fromCallback(({ receive }) => receive(throwing)),
    'a transition': fromTransition(throwing, 0),
    'a rejection': fromPromise(() => Promise.reject(new Error('boom'))),
  };
  for (const [where, logic] of Object.entries(wrongs)) {
    it(`ends with code 1 after a throw in ${where}`, async () => {
      const { clock, body, recorder } = await launch({ logic: logic! });
      await body.write(Buffer.from('go')).catch(() => {});
      await clock.settle();
      expect(recorder.types()).toEqual(['SPAWNED', 'EXITED']);
      expect(recorder.get('EXITED')).toMatchObject({ code: 1, empty: true, drained: true });
      expect(recorder.get('EXITED')?.detail).toContain('boom');
      expect(recorder.text('stderr')).toContain('boom');
    });
  }

  it('ends with code 1 after a throw while it is stopped', async () => {
    const { clock, body, recorder } = await launch({ logic: fromCallback(() => throwing) });
    body.kill();
    await clock.settle();
    expect(recorder.get('EXITED')).toMatchObject({ code: 1, detail: 'boom' });
  });

  it('ends with code 1 when it is no logic at all', async () => {
    const { recorder } = await launch({ logic: { nonsense: true } as unknown as NonNullable<AgentInput['logic']> });
    expect(recorder.types()).toEqual(['SPAWNED', 'EXITED']);
    expect(recorder.get('EXITED')?.code).toBe(1);
  });

  it('leaves no child running after it has thrown', async () => {
    let ticks = 0;
    const child = createMachine({
      initial: 'a',
      states: { a: { after: { 100: { target: 'a', reenter: true, actions: () => ticks++ } } } },
    });
    const logic = setup({ actors: { child } }).createMachine({
      invoke: { src: 'child' },
      on: { input: { actions: throwing } },
    });
    const { clock, body } = await launch({ logic });
    await clock.advance(250);
    expect(ticks).toBe(2);
    await body.write(Buffer.from('go'));
    await clock.advance(1_000);
    expect([ticks, clock.pending()]).toEqual([2, 0]);
  });

  it('survives the end of a child that it listens to', async () => {
    const child = fromPromise(throwing);
    const logic = setup({ actors: { child } }).createMachine({
      invoke: { src: 'child', onError: { actions: log('took it') } },
      on: { input: { actions: sendParent({ type: 'nobody' }) } },
    });
    const { recorder } = await launch({ logic });
    expect([recorder.types(), recorder.text()]).toEqual([['SPAWNED'], 'took it\n']);
  });
});

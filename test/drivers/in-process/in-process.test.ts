import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createMachine, fromPromise, log, setup } from 'xstate';
import { systemClock } from '../../../src/contract/clock.js';
import type { Driver } from '../../../src/drivers/driver.js';
import { createInProcessDriver } from '../../../src/drivers/in-process/in-process.js';
import type { AgentTemplate } from '../../../src/model/input.js';
import { driverContract } from '../../contract/driver.js';
import { begin, orderFor } from '../../contract/recorder.js';
import { launch, launchTask } from './launch.js';

const NOT_A_PROCESS = 'it is no process';

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
}

driverContract(
  'in-process, tasks',
  () => createInProcessDriver({ clock: systemClock }),
  {
    forever: {
      task: ({ log, signal }) => {
        log('up');
        return aborted(signal);
      },
    },
    completes: { task: async () => {} },
    fails: {
      task: async () => {
        throw new Error('no luck');
      },
    },
    ignoresStop: {
      task: async ({ log, signal }) => {
        log('up');
        await aborted(signal);
        await sleep(1_000);
      },
    },
    echoes: {
      task: ({ log, signal, onInput }) => {
        onInput((text) => log(text.trimEnd()));
        log('up');
        return aborted(signal);
      },
    },
  },
  {
    kill: 'a function cannot be ended from outside',
    signals: NOT_A_PROCESS,
    freeze: NOT_A_PROCESS,
    stdin: true,
    endOfInput: 'a task is told of texts only',
  },
);

const echo = setup({ types: { events: {} as { type: 'input'; text: string } } }).createMachine({
  entry: log('up'),
  on: { input: { actions: log(({ event }) => event.text.trimEnd()) } },
});

driverContract(
  'in-process, logics',
  () => createInProcessDriver({ clock: systemClock }),
  {
    forever: { logic: echo },
    completes: { logic: createMachine({ initial: 'end', states: { end: { type: 'final' } } }) },
    fails: { logic: fromPromise(() => Promise.reject(new Error('no luck'))) },
    ignoresStop: { logic: echo },
    echoes: { logic: echo },
  },
  {
    kill: true,
    signals: NOT_A_PROCESS,
    freeze: NOT_A_PROCESS,
    stdin: true,
    endOfInput: 'a logic is told of texts only',
  },
);

describe('the in-process driver', () => {
  it('does not run commands', async () => {
    const { recorder } = await launch({ command: ['true'] });
    expect(recorder.get('SPAWN_FAILED')?.detail).toBe('a command does not run in this process');
  });

  it('abandons a task that ignores its signal', async () => {
    const { driver, recorder } = await launchTask(() => new Promise(() => {}));
    await driver.close();
    expect(recorder.types()).toEqual(['SPAWNED']);
  });

  const machine = createMachine({ initial: 'a', states: { a: { on: { input: 'b' } }, b: {} } });
  const many: Record<string, AgentTemplate> = {
    tasks: { task: ({ signal }) => aborted(signal) },
    logics: { logic: machine },
  };
  for (const [what, input] of Object.entries(many)) {
    it(`starts and stops two thousand ${what} and keeps nothing of them`, async () => {
      const driver: Driver = createInProcessDriver({ clock: systemClock });
      const order = orderFor(input);
      const all = Array.from({ length: 2_000 }, () => begin(driver, order));
      await sleep(1);
      for (const { body } of all) body.ask('SIGTERM');
      await Promise.all(all.map(({ recorder }) => recorder.ended()));
      expect(
        all.every(({ recorder }) => recorder.types().join() === 'SPAWNED,EXITED' || recorder.types().join() === 'GONE'),
      ).toBe(true);
      expect(all.every(({ body }) => body.inspect().length === 0)).toBe(true);
    });
  }
});

import { describe, expect, it } from 'vitest';
import type { Driver } from '../../src/drivers/driver.js';
import { DRIVER_PROMISES, type Promiser } from '../../src/drivers/promises.js';
import type { AgentTemplate } from '../../src/model/input.js';
import { begin, endedByItself, eventually, fixture, orderFor } from './recorder.js';

/** What an agent may ask of its process. */
export function processOptions(name: Promiser, driver: Driver): void {
  describe(`the ${name} driver and the options of a process`, () => {
    const start = (input: AgentTemplate) => begin(driver, orderFor(input));

    it('gives a program with closed input an input that is at its end, in every incarnation', async () => {
      for (const incarnation of [1, 2]) {
        const command = ['sh', '-c', 'cat; readlink /proc/self/fd/0'];
        const started = begin(driver, orderFor({ command, stdin: 'closed' }, incarnation));
        await endedByItself(started);
        expect(started.recorder.text()).toBe('/dev/null\n');
      }
    });

    it('refuses to write to a closed input, before, during and after the run, and may end it', async () => {
      const { body, recorder } = start({ command: ['sh', '-c', 'echo up; exec sleep 300'], stdin: 'closed' });
      const refused = () => expect(body.write(Buffer.from('lost'))).rejects.toMatchObject({ code: 'STDIN_ABSENT' });
      await refused();
      await recorder.printed('up');
      await refused();
      body.endInput();
      body.freeze();
      await recorder.until('FROZEN');
      body.kill();
      await recorder.ended();
      await refused();
    });

    it('reads the notifications of a program with closed input', async () => {
      const command = ['sh', '-c', 'echo READY=1 >&$SUPERTREE_NOTIFY_FD; cat'];
      const started = start({ command, stdin: 'closed', readiness: { type: 'notify' } });
      await endedByItself(started);
      expect(started.recorder.words).toEqual(['READY=1']);
    });

    it('sends the stop signal to the main process alone where the scope of the stop says so', async () => {
      for (const scope of ['tree', 'main'] as const) {
        const { body, recorder } = start({ command: fixture('saves-at-end'), stop: { scope } });
        await recorder.printed('up');
        body.ask('SIGTERM');
        await recorder.until('EXITED');
        body.kill();
        await recorder.ended();
        expect(recorder.text().includes('saved')).toBe(scope === 'main');
      }
    });

    it('continues all processes after a stop signal for the main process, and kills all', async () => {
      const { body, recorder } = start({ command: fixture('saves-at-end'), stop: { scope: 'main' } });
      await recorder.printed('up');
      body.freeze();
      await recorder.until('FROZEN');
      body.ask('SIGTERM');
      await recorder.printed('saved');
      body.kill();
      await recorder.ended();
      expect(body.inspect()).toEqual([]);
    });

    it('reads both streams in the order in which they were written, or says that it cannot', async () => {
      const lines = 'for n in 1 2 3 4 5 6 7 8; do echo out $n; echo err $n >&2; done';
      const output = { order: 'merged' } as const;
      const command = ['sh', '-c', `${lines}; echo READY=1 >&$SUPERTREE_NOTIFY_FD`];
      const started = start({ command, output, readiness: { type: 'notify' } });
      const { recorder } = started;
      const reason = DRIVER_PROMISES.mergedOutput[name];
      if (reason !== true) {
        const { detail } = await recorder.until('SPAWN_FAILED');
        return expect(detail).toBe(`output.order merged is not possible with the driver ${name}: ${reason}`);
      }
      await endedByItself(started);
      expect(recorder.text()).toBe([1, 2, 3, 4, 5, 6, 7, 8].map((n) => `out ${n}\nerr ${n}\n`).join(''));
      expect(recorder.text('stderr')).toBe('');
      await eventually(() => recorder.words.length === 1, 'a word');
      expect(recorder.types()).toEqual(['SPAWNED', 'EXITED']);
    });
  });
}

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Driver } from '../../src/drivers/driver.js';
import type { AgentTemplate } from '../../src/model/input.js';
import { begin, endedByItself, orderFor } from './recorder.js';

/** What an agent may ask of its process. */
export function processOptions(name: string, makeDriver: () => Driver): void {
  describe(`the ${name} driver and the options of a process`, () => {
    let driver: Driver;
    beforeEach(() => {
      driver = makeDriver();
    });
    afterEach(() => driver.close());
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
  });
}

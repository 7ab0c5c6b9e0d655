import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Driver } from '../../src/drivers/driver.js';
import type { AgentTemplate } from '../../src/model/input.js';
import { begin, endedByItself, eventually, orderFor } from './recorder.js';

/** How a driver starts processes and reports their ends. */
export function processStarts(name: string, driver: Driver): void {
  describe(`the ${name} driver and the start of a process`, () => {
    const directory = mkdtempSync(join(tmpdir(), 'supertree-driver-'));
    afterAll(() => rmSync(directory, { recursive: true }));
    const start = (input: AgentTemplate) => begin(driver, orderFor(input));
    const file = (name: string, text: string, mode = 0o755) => {
      writeFileSync(join(directory, name), text);
      chmodSync(join(directory, name), mode);
      return join(directory, name);
    };
    const refusal = async (input: AgentTemplate) => {
      const { recorder } = start(input);
      await recorder.ended();
      expect(recorder.types()).toEqual(['SPAWN_FAILED']);
      return recorder.get('SPAWN_FAILED')!.detail;
    };

    it('names a command that does not exist', async () => {
      expect(await refusal({ command: ['no-such-program'] })).toBe('command no-such-program not found');
      expect(await refusal({ command: ['/no/such/program'] })).toBe('command /no/such/program not found');
    });

    it('names a file that is not executable', async () => {
      const plain = file('plain', 'text', 0o644);
      expect(await refusal({ command: [plain] })).toBe(`${plain} is not executable`);
    });

    it('names a script whose interpreter is missing', async () => {
      const script = file('script', '#!/no/such/interpreter\n');
      expect(await refusal({ command: [script] })).toBe(`the interpreter of ${script} was not found`);
    });

    it('runs a script without an interpreter line by sh, with its arguments', async () => {
      const script = file('plain-script', 'echo "$0 $1"\n');
      const { recorder } = start({ command: [script, 'one'] });
      await recorder.ended();
      expect(recorder.text()).toBe(`${script} one\n`);
      const order = orderFor({ command: ['plain-script', 'two'] });
      const found = begin(driver, {
        ...order,
        env: () => ({ ...order.env(), PATH: `/no/such:${directory}:${order.env().PATH}` }),
      });
      await found.recorder.ended();
      expect(found.recorder.text()).toBe(`${script} two\n`);
    });

    it('names a working directory that is missing or is a file, not the command', async () => {
      expect(await refusal({ command: ['true'], cwd: '/no/such/place' })).toBe(
        'working directory /no/such/place does not exist',
      );
      const plain = file('not-a-directory', '');
      expect(await refusal({ command: ['true'], cwd: plain })).toBe(`working directory ${plain} is not a directory`);
    });

    it('says that arguments are too long', async () => {
      expect(await refusal({ command: ['true', 'x'.repeat(4_000_000)] })).toMatch(/longer than the system allows/);
    });

    it('refuses a command with a zero byte instead of throwing', async () => {
      expect(await refusal({ command: ['true', 'a\0b'] })).toMatch(/null bytes/);
    });

    it('gives the environment, the working directory and the token', async () => {
      const order = orderFor({
        command: ['sh', '-c', 'echo "$A $PWD $SUPERTREE_TOKEN [$SUPERTREE_NOTIFY_FD]"'],
        cwd: directory,
      });
      const { recorder } = begin(driver, {
        ...order,
        env: () => ({ ...order.env(), A: 'one', SUPERTREE_NOTIFY_FD: '9' }),
      });
      await recorder.ended();
      expect(recorder.text()).toBe(`one ${directory} ${order.token} []\n`);
    });

    it('emits EXITED with empty and drained, for a plain program', async () => {
      const { recorder } = start({ command: ['sh', '-c', 'echo out; echo err >&2; exit 3'] });
      await recorder.ended();
      expect(recorder.types()).toEqual(['SPAWNED', 'EXITED']);
      expect(recorder.get('EXITED')).toMatchObject({ code: 3, signal: null, empty: true, drained: true });
      expect([recorder.text(), recorder.text('stderr')]).toEqual(['out\n', 'err\n']);
    });

    it('reports SIGKILL as a signal, and not as out of memory', async () => {
      const { body, recorder } = start({ command: ['sleep', '300'] });
      await recorder.until('SPAWNED');
      process.kill(recorder.get('SPAWNED')!.pid!, 'SIGKILL');
      await recorder.ended();
      expect(recorder.get('EXITED')).toMatchObject({ code: null, signal: 'SIGKILL', oom: false });
      expect(body.inspect()).toEqual([]);
    });

    it('accepts signal names in any spelling and refuses unknown ones', async () => {
      const { body, recorder } = start({ command: ['sh', '-c', 'echo up; exec sleep 300'] });
      await recorder.printed('up');
      expect(() => body.signal('SIGNONSENSE')).toThrow(expect.objectContaining({ code: 'SIGNAL_UNKNOWN' }));
      body.signal('hup');
      await recorder.ended();
      expect(recorder.get('EXITED')?.signal).toBe('SIGHUP');
    });

    it('hands over the words of the readiness channel', async () => {
      const words = 'STATUS=warm "" EXTEND_TIMEOUT_USEC=5000000 READY=1';
      const { recorder } = start({
        command: ['sh', '-c', `for word in ${words}; do echo $word >&$SUPERTREE_NOTIFY_FD; done; exec sleep 300`],
        readiness: { type: 'notify' },
      });
      await eventually(() => recorder.words.length === 4, 'four words');
      expect(recorder.words).toEqual(['STATUS=warm', 'READY=1', 'EXTEND_TIMEOUT_USEC=5000000', 'READY=1']);
    });

    it('keeps first in, first out, and lets the event loop turn between many starts', async () => {
      let turns = 0;
      const beat = setInterval(() => {
        turns += 1;
      }, 1);
      const order: number[] = [];
      const all = Array.from({ length: 30 }, (_, index) => {
        const started = start({ command: ['true'] });
        started.recorder.onFact = (fact) => fact.type === 'SPAWNED' && order.push(index);
        return started;
      });
      await eventually(() => order.length === 30, 'all starts');
      clearInterval(beat);
      await Promise.all(all.map(endedByItself));
      expect(order).toEqual([...order].sort((a, b) => a - b));
      expect(turns).toBeGreaterThan(0);
    });

    it('gives everything back over many restarts', async () => {
      const hooks = process.listenerCount('exit');
      const descriptors = () => readdirSync('/proc/self/fd').length;
      await endedByItself(start({ command: ['true'] }));
      const before = descriptors();
      for (let round = 0; round < 4; round += 1) {
        const all = Array.from({ length: 10 }, () => start({ command: ['true'] }));
        await Promise.all(all.map(endedByItself));
      }
      expect(process.listenerCount('exit')).toBe(hooks);
      expect(descriptors()).toBeLessThan(before + 10);
    });
  });
}

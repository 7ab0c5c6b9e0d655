import { describe, expect, it } from 'vitest';
import { createOutput } from '../../src/actors/output/output.js';
import { systemClock } from '../../src/contract/clock.js';
import type { Driver } from '../../src/drivers/driver.js';
import type { AgentTemplate } from '../../src/model/input.js';
import { begin, eventually, fixture, orderFor, Recorder, script } from './recorder.js';

const MIB = 1_048_576;

/** How a driver reads the output of processes and writes their input. */
export function processPipes(name: string, driver: Driver): void {
  describe(`the ${name} driver and the pipes of a process`, () => {
    const start = (input: AgentTemplate) => begin(driver, orderFor(input));

    it('keeps running an agent that closes its outputs', async () => {
      const { body, recorder } = start({ command: ['sh', '-c', 'echo bye; exec sleep 300 >&- 2>&-'] });
      await recorder.printed('bye');
      body.freeze();
      await recorder.until('FROZEN');
      expect(recorder.types()).toEqual(['SPAWNED', 'FROZEN']);
      body.kill();
      await recorder.ended();
      expect(recorder.get('EXITED')).toMatchObject({ empty: true, drained: true });
    });

    it('emits EXITED at once while a grandchild holds the output, and DRAINED when that ends', async () => {
      const { body, recorder } = start({ command: script('family', 'holder', 'leave') });
      expect(await recorder.until('EXITED')).toMatchObject({ code: 0, empty: false, drained: false });
      body.kill();
      await recorder.ended();
      expect(recorder.types()).toContain('GONE');
      expect(recorder.types()).toContain('DRAINED');
    });

    it('stops reading at drain, with the holder still alive', async () => {
      const { body, recorder } = start({ command: script('family', 'holder', 'leave') });
      await recorder.until('EXITED');
      body.drain();
      body.drain();
      await recorder.until('DRAINED');
      expect(recorder.get('GONE')).toBeUndefined();
      body.kill();
      await recorder.ended();
      expect(recorder.types()).toEqual(['SPAWNED', 'EXITED', 'DRAINED', 'GONE']);
    });

    it('reads the last words of a program that exits at once', async () => {
      const { recorder } = start({ command: ['sh', '-c', 'printf "last words" >&2; exit 4'] });
      await recorder.ended();
      expect(recorder.get('EXITED')?.code).toBe(4);
      expect(recorder.text('stderr')).toBe('last words');
    });

    it('hands over bytes that are not UTF-8 as they are', async () => {
      const { recorder } = start({ command: ['printf', '\\377\\376\\000\\200\\n\\303(\\r\\n'] });
      await recorder.ended();
      expect([...recorder.bytes('stdout')]).toEqual([0xff, 0xfe, 0x00, 0x80, 0x0a, 0xc3, 0x28, 0x0d, 0x0a]);
    });

    it('cuts a line of 10 MB into numbered parts that make it up again', async () => {
      const output = createOutput({ bytes: 16 * MIB, lines: 2000, lineBytes: 65_536 }, systemClock);
      const recorder = new Recorder();
      recorder.output = (stream, bytes) => output.push(stream, bytes);
      driver.start(orderFor({ command: fixture('long-line', 10_000_000) }), recorder);
      await recorder.ended();
      const { lines } = output.page();
      expect(lines.every((line, index) => line.partial && line.seq === index)).toBe(true);
      expect(lines).toHaveLength(Math.ceil(10_000_001 / 65_536));
      expect(lines.reduce((sum, line) => sum + line.bytes.length, 0)).toBe(10_000_001);
    });

    it('keeps memory flat under a flood of 100 MiB, and counts the dropped lines', async () => {
      const output = createOutput({ bytes: 262_144, lines: 2000, lineBytes: 65_536 }, systemClock);
      const recorder = new Recorder();
      let received = 0;
      recorder.output = (stream, bytes) => {
        received += bytes.length;
        output.push(stream, bytes);
      };
      const before = process.memoryUsage().rss;
      driver.start(orderFor({ command: fixture('flood', 100) }), recorder);
      await eventually(() => recorder.isOver, 'the end of the flood', 90_000);
      expect(received).toBe(100 * MIB);
      expect(process.memoryUsage().rss - before).toBeLessThan(75 * MIB);
      expect(output.dropped.stdout + output.page().lines.length).toBe(output.page().next.stdout);
    });

    it('settles every write to a program that never reads, and says when the queue is full', async () => {
      const { body, recorder } = start({ command: ['sh', '-c', 'echo up; exec sleep 300'] });
      await recorder.printed('up');
      const writes = Array.from({ length: 40 }, () => body.write(Buffer.alloc(65_536)));
      const results = Promise.allSettled(writes);
      await expect(body.write(Buffer.alloc(MIB))).rejects.toMatchObject({ code: 'STDIN_FULL' });
      body.kill();
      const codes = (await results).map((result) => (result.status === 'fulfilled' ? 'done' : result.reason.code));
      expect(codes).toContain('STDIN_FULL');
      expect(codes).toContain('STDIN_CLOSED');
    });

    it('hands over more than the queue holds to a program that reads', async () => {
      const { body, recorder } = start({ command: ['sh', '-c', 'echo up; echo read $(wc -c)'] });
      await recorder.printed('up');
      for (let written = 0; written < 64; written += 1) await body.write(Buffer.alloc(65_536));
      await body.write(Buffer.alloc(2 * MIB));
      body.endInput();
      await recorder.printed(`read ${64 * 65_536 + 2 * MIB}`);
      await recorder.ended();
    });

    it('refuses to write after the program has closed its input', async () => {
      const { body, recorder } = start({ command: ['sh', '-c', 'exec 0<&-; echo up; exec sleep 300'] });
      await recorder.printed('up');
      await expect(body.write(Buffer.from('lost'))).rejects.toMatchObject({ code: 'STDIN_CLOSED' });
      await expect(body.write(Buffer.from('lost'))).rejects.toMatchObject({ code: 'STDIN_CLOSED' });
    });

    it('settles writes to a body that never ran', async () => {
      const { body, recorder } = start({ command: ['no-such-program'] });
      await expect(body.write(Buffer.from('lost'))).rejects.toMatchObject({ code: 'STDIN_CLOSED' });
      await recorder.ended();
    });
  });
}

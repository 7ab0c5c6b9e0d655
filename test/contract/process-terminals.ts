import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Driver } from '../../src/drivers/driver.js';
import { DRIVER_PROMISES, type Promiser } from '../../src/drivers/promises.js';
import type { AgentTemplate } from '../../src/model/input.js';
import { begin, endedByItself, eventually, orderFor } from './recorder.js';

/** Agents with a terminal of their own, or for a driver that has none, that it says so. */
export function processTerminals(name: Promiser, driver: Driver): void {
  const reason = DRIVER_PROMISES.terminals[name];

  describe(`the ${name} driver and terminals`, () => {
    const start = (command: readonly string[], options: Partial<AgentTemplate> = {}) =>
      begin(driver, orderFor({ command, stdin: 'pty', ...options } as AgentTemplate));
    const shell = (script: string, options: Partial<AgentTemplate> = {}) => start(['sh', '-c', script], options);

    async function printed(script: string, options: Partial<AgentTemplate> = {}): Promise<string> {
      const started = shell(script, options);
      await endedByItself(started);
      expect(started.recorder.text('stderr')).toBe('');
      return started.recorder.text();
    }

    if (reason !== true) {
      it('refuses an agent with a terminal', async () => {
        const { detail } = await start(['true']).recorder.until('SPAWN_FAILED');
        expect(detail).toBe(`stdin pty is not possible with the driver ${name}: ${reason}`);
      });
      return;
    }

    it('gives input, output and errors one terminal, which controls the session', async () => {
      const script =
        'tty; for fd in 0 1 2; do test -t $fd && echo $fd; done; echo err >&2; ps -o tpgid= -p $$; echo $$';
      const [path, ...rest] = (await printed(script)).split('\r\n');
      expect(path).toMatch(/^\/dev\/pts\/\d+$/);
      expect(rest.slice(0, 4)).toEqual(['0', '1', '2', 'err']);
      expect(rest[4]!.trim()).toBe(rest[5]); // its group is in the foreground
      expect(existsSync(path!)).toBe(false);
    });

    it('has 24 rows of 80 columns, or those of the spec', async () => {
      expect(await printed('stty size')).toBe('24 80\r\n');
      expect(await printed('stty size', { pty: { rows: 5 } })).toBe('5 80\r\n');
      expect(await printed('stty size', { pty: { columns: 65_535, rows: 1 } })).toBe('1 65535\r\n');
    });

    it('changes its size, and makes the program draw anew where the size is the same', async () => {
      const { body, recorder } = shell('trap "stty size" WINCH; echo up; while :; do sleep 0.05; done');
      body.resize!({ columns: 100, rows: 30 });
      await recorder.printed('up');
      body.resize!({ columns: 7, rows: 1 });
      await recorder.printed('1 7\r\n');
      body.resize!({ columns: 7, rows: 1 });
      await eventually(() => recorder.text().match(/1 7\r\n/g)?.length === 2, 'another SIGWINCH');
      body.resize!({ columns: 65_535, rows: 2 });
      await recorder.printed('2 65535\r\n');
      body.kill();
      await recorder.ended();
      body.resize!({ columns: 1, rows: 1 });
    });

    it('passes no descriptor on but its terminal and the readiness channel', async () => {
      expect(await printed('echo $(ls /proc/self/fd)')).toBe('0 1 2 3\r\n'); // ls has opened the last one
      const command = `echo READY=1 >&$SUPERTREE_NOTIFY_FD; exec 3>&-; stty size`;
      const started = shell(command, { readiness: { type: 'notify' } });
      await endedByItself(started);
      expect([started.recorder.text(), started.recorder.words]).toEqual(['24 80\r\n', ['READY=1']]);
    });

    it('echoes what is typed, and ends the input at a VEOF, after an unfinished line too', async () => {
      for (const [typed, read] of [
        ['one\n', 'one\n'],
        ['one\ntwo', 'one\ntwo'],
      ] as const) {
        const { body, recorder } = shell('stty -onlcr; echo up; cat | od -An -c | tr -d " "');
        await recorder.printed('up');
        await body.write(Buffer.from(typed));
        body.endInput();
        await recorder.ended();
        expect(recorder.text()).toBe(`up\n${typed}${read.replaceAll('\n', '\\n')}\n`);
        expect(recorder.get('EXITED')).toMatchObject({ code: 0 });
      }
    });

    it('sends SIGINT to the foreground group at Ctrl-C, and SIGHUP when its leader ends', async () => {
      const { body, recorder } = shell('trap "echo interrupted; exit 5" INT; echo up; while :; do sleep 0.1; done');
      await recorder.printed('up');
      await body.write(Buffer.from('\x03'));
      await recorder.ended();
      expect(recorder.text()).toMatch(/\^C.*interrupted/s);
      expect(recorder.get('EXITED')).toMatchObject({ code: 5, empty: true });
    });

    it('runs a shell with job control, and every line of much output arrives', async () => {
      const { body, recorder } = start(['sh', '-i']);
      await body.write(Buffer.from("PS1=; stty -echo; echo be'gun'\n"));
      await recorder.printed('begun');
      await body.write(Buffer.from('seq 20000; exit 7\n'));
      await recorder.ended();
      expect(recorder.get('EXITED')).toMatchObject({ code: 7 });
      const lines = recorder.text().split('\r\n');
      const first = lines.lastIndexOf('1');
      expect(recorder.text().slice(-100)).toMatch(/\r\n19999\r\n20000\r\n$/);
      expect(lines.slice(first, first + 20_000)).toEqual(Array.from({ length: 20_000 }, (_, at) => `${at + 1}`));
    });

    it('does not block when the agent reads nothing, and can be paused and killed', async () => {
      const { body, recorder } = shell('stty raw -echo; echo up; exec sleep 300');
      await recorder.printed('up');
      const refused = expect(body.write(Buffer.alloc(200_000, 'x'))).rejects.toMatchObject({ code: 'STDIN_CLOSED' });
      const other = shell('echo other');
      await endedByItself(other);
      body.freeze();
      await recorder.until('FROZEN');
      body.kill();
      await recorder.ended();
      await refused;
      expect(recorder.get('EXITED')).toMatchObject({ signal: 'SIGKILL' });
    });

    it('ends by its stop signal, or at the end of its input', async () => {
      const asked = shell('echo up; exec sleep 300');
      await asked.recorder.printed('up');
      asked.body.ask('SIGTERM');
      await asked.recorder.ended();
      expect(asked.recorder.get('EXITED')).toMatchObject({ signal: 'SIGTERM', empty: true });
    });

    it('reads what was printed just before the end', async () => {
      expect((await printed('seq 3000')).split('\r\n').length).toBe(3001);
    });
  });
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { Driver } from '../../src/drivers/driver.js';
import { isDefunct, readStat } from '../../src/drivers/proc/proc.js';
import { DRIVER_PROMISES, type Promiser } from '../../src/drivers/promises.js';
import { PYTHON } from '../program.js';
import { begin, eventually, fixture, orderFor } from './recorder.js';

/** The promises of DRIVER_PROMISES: those that a driver keeps, and for the others that the table tells the truth. */
export function processPromises(name: Promiser, driver: Driver): void {
  const promise = (key: keyof typeof DRIVER_PROMISES, check: (isKept: boolean) => Promise<void>) => {
    const kept = DRIVER_PROMISES[key][name];
    const title = kept === true ? 'keeps the promise' : `does not keep the promise, because ${kept}`;
    it(`${title}: ${DRIVER_PROMISES[key].promise}`, () => check(kept === true));
  };

  describe(`the ${name} driver and its promises`, () => {
    let program: Program | undefined;
    let left: number[] = [];
    afterEach(() => {
      program?.host.kill('SIGKILL');
      for (const pid of left.splice(0)) if (lives(pid)) process.kill(pid, 'SIGKILL');
    });

    promise('programKilled', async (isKept) => {
      program = embed('waits', name);
      left = await program.pids();
      program.host.kill('SIGKILL');
      await once(program.host, 'exit');
      if (isKept) await eventually(() => !left.some(lives), 'the end of the agents');
      else expect(left.filter(lives)).toEqual(left);
    });

    promise('threadEnded', async (isKept) => {
      program = embed('thread', name);
      left = await program.pids();
      if (isKept) await eventually(() => !left.some(lives), 'the end of the agents');
      else expect(left.filter(lives)).toEqual(left);
      expect(program.host.exitCode).toBeNull();
    });

    promise('strangers', async (isKept) => {
      const leaves = '( env -i setsid sh -c "echo \\$\\$; exec sleep 300 >&- 2>&-" & ); sleep 0.2; exit 0';
      const { body, recorder } = begin(driver, orderFor({ command: ['sh', '-c', leaves] }));
      const { empty } = await recorder.until('EXITED');
      const stranger = Number(recorder.text());
      left = [stranger];
      expect(lives(stranger)).toBe(true);
      expect(empty).toBe(!isKept);
      expect(body.inspect().map(({ pid }) => pid)).toEqual(isKept ? [stranger] : []);
      body.kill();
      await recorder.ended();
      expect(lives(stranger)).toBe(!isKept);
    });

    promise('descriptors', async (isKept) => {
      program = embed('opens', name, [PYTHON, '-c', OPEN_20]);
      expect(await program.text()).toBe(isKept ? 'no\n' : 'yes\n');
    });

    promise('notifySocket', async (isKept) => {
      const command = [PYTHON, new URL('../fixtures/sends-datagrams.py', import.meta.url).pathname, 'READY=1'];
      const { recorder } = begin(driver, orderFor({ command, readiness: { type: 'notify' } }));
      if (isKept) await eventually(() => recorder.words.includes('READY=1'), 'the message');
      else await recorder.ended(); // there is no NOTIFY_SOCKET in its environment
      expect(recorder.words).toEqual(isKept ? ['READY=1'] : []);
    });

    promise('realTimeSignals', async (isKept) => {
      const { recorder } = begin(driver, orderFor({ command: ['sh', '-c', 'kill -36 $$; sleep 5'] }));
      await recorder.ended();
      const { code, signal } = recorder.get('EXITED')!;
      expect([code, signal]).toEqual(isKept ? [null, 'SIGRTMIN+2'] : [0, null]);
    });

    promise('noOtherProcess', async (isKept) => {
      const { recorder } = begin(driver, orderFor({ command: ['sh', '-c', 'echo up; exec sleep 300'] }));
      await recorder.printed('up');
      const { parent } = readStat(recorder.get('SPAWNED')!.pid!)!;
      expect(parent === process.pid).toBe(isKept);
    });
  });
}

interface Program {
  readonly host: ChildProcess;
  /** Resolves with its first line. */
  text(): Promise<string>;
  /** Resolves with the pids of its agents. */
  pids(): Promise<number[]>;
}

/** Opens descriptor 20, with a gap below it, and becomes the program of its arguments. */
const OPEN_20 = 'import os, sys; os.dup2(0, 20); os.execvp(sys.argv[1], sys.argv[1:])';

/** Runs a program that embeds a tree with this driver; `prefix` are words before its command line. */
function embed(how: string, driver: Promiser, prefix: readonly string[] = []): Program {
  const [command, ...args] = [...prefix, ...fixture('embeds-agents', how, driver)];
  const host = spawn(command!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  host.stdout.on('data', (bytes) => {
    printed += bytes;
  });
  const text = async () => {
    await eventually(() => printed.includes('\n'), 'a line');
    return printed;
  };
  return { host, text, pids: async () => (await text()).trim().split(' ').slice(1).map(Number) };
}

function lives(pid: number): boolean {
  const stat = readStat(pid);
  return stat !== undefined && !isDefunct(stat);
}

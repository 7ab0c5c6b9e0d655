import { describe, expect, it } from 'vitest';
import { fixture } from '../contract/recorder.js';
import { driverNamed, LONG_STAGES, sh, shareKeeper, sleeper, started, world } from './world.js';

shareKeeper();

const UP = { type: 'log', pattern: '^up$' } as const;
const UP_AT_A_TERMINAL = { type: 'log', pattern: 'up' } as const;

describe('an agent whose standard input is closed', () => {
  it('goes on where a program reads its input to the end, and refuses input and a cooperative pause', async () => {
    const closed = sleeper('a', { command: sh('cat; echo read; exec sleep 300'), stdin: 'closed' });
    const w = await started({ children: [closed] });
    const agent = w.tree.agent('a');
    await w.printed('a', 'read');
    await expect(agent.write('text')).rejects.toMatchObject({ code: 'STDIN_ABSENT' });
    await expect(agent.pause('cooperative')).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await agent.pause();
    await agent.resume();
    await agent.restart();
    await w.printed('a', 'read');
    await agent.stop();
    expect(w.view('a').exit).toMatchObject({ signal: 'SIGTERM', commanded: true });
  });

  it('is closed at a stop before the signal, for a program that ends then and ignores the signal', async () => {
    const command = sh('trap "" TERM; echo up; cat >/dev/null; echo ended; exit 7');
    const stop = { ...LONG_STAGES, closeInput: 20_000 };
    const w = await started({ children: [sleeper('a', { command, stop, readiness: UP })] });
    await w.tree.agent('a').stop();
    expect(w.view('a').exit).toMatchObject({ code: 7, signal: null, commanded: true });
    expect(w.text('a')).toBe('up\nended\n');
    await w.tree.agent('a').start();
    await w.tree.agent('a').pause();
    await w.tree.agent('a').restart();
    expect(w.exits('root/a')[1]).toMatchObject({ code: 7, commanded: true });
  });

  it('is closed at a stop, and the signal follows for a program that does not end then', async () => {
    const command = sh('trap "echo asked; exit 0" TERM; echo up; cat; echo read; while true; do sleep 0.05; done');
    const stop = { ...LONG_STAGES, closeInput: 2000 };
    const w = await started({ children: [sleeper('a', { command, stop, readiness: UP })] });
    const stopped = w.tree.agent('a').stop();
    await w.printed('a', 'read');
    await stopped;
    expect(w.text('a')).toContain('asked\n');
    expect(w.view('a').exit).toMatchObject({ code: 0, commanded: true });
  });

  it('is a template of a pool', async () => {
    const command = sh('cat; exit 0');
    const agent = { command, stdin: 'closed', restart: 'temporary' } as const;
    const w = world({ children: [{ id: 'p', pool: { size: 3, agent } }] });
    await w.tree.start();
    for (const id of [1, 2, 3]) await w.reported('exited', `root/p/${id}`);
    expect(w.all('exited').map(({ exit }) => exit.code)).toEqual([0, 0, 0]);
  });
});

describe('an agent whose main process alone is asked to stop', () => {
  it.each(['keeper', 'local'] as const)('saves through its helper, below the driver %s', async (driver) => {
    const stop = { ...LONG_STAGES, scope: 'main' } as const;
    const agent = sleeper('a', { command: fixture('saves-at-end'), stop, readiness: UP });
    const w = await started({ children: [agent] }, driverNamed(driver));
    await w.tree.agent('a').stop();
    expect(w.view('a').exit).toMatchObject({ code: 0, commanded: true });
    expect(w.text('a')).toBe('up\nsaved\n');
  });

  it.each(['keeper', 'local'] as const)(
    'leaves processes that are killed at once, below the driver %s',
    async (driver) => {
      const command = sh('trap "exit 5" TERM; setsid sleep 300 & echo up; while true; do sleep 0.05; done');
      const stop = { ...LONG_STAGES, scope: 'main' } as const;
      const w = await started({ children: [sleeper('a', { command, stop, readiness: UP })] }, driverNamed(driver));
      await w.tree.agent('a').stop();
      expect(w.view('a').exit).toMatchObject({ code: 5, commanded: true });
      expect(w.members()).toEqual([]);
    },
  );
});

describe('an agent with merged output', () => {
  it('has the last lines of both streams in its exit record, and is ready by a line of either', async () => {
    const command = sh('echo out; echo up >&2; sleep 0.1; echo last; exit 4');
    const options = { output: { order: 'merged' }, restart: 'temporary', readiness: UP } as const;
    const w = await started({ children: [sleeper('a', { command, ...options })] });
    const { exit } = await w.reported('exited', 'root/a');
    expect(exit).toMatchObject({ code: 4, tail: ['out', 'up', 'last'] });
  });
});

describe('an agent with a terminal', () => {
  it('prints to it as lines of stdout, knows it by TERM, and reads what is sent to it', async () => {
    const script =
      'echo $TERM $COLUMNS; stty size; echo err >&2; printf "name? "; read name; echo "hello $name"; exit 4';
    const pty = { columns: 120, rows: 40 };
    const agent = sleeper('a', { command: sh(script), stdin: 'pty', pty, restart: 'temporary' });
    const w = await started({ children: [agent] });
    await w.printed('a', 'name? ');
    await w.tree.agent('a').write('you\n');
    const { exit } = await w.reported('exited', 'root/a');
    expect(exit).toMatchObject({ code: 4, tail: ['xterm-256color', '40 120', 'err', 'name? you', 'hello you'] });
  });

  it('has the TERM of its spec, or none', async () => {
    const of = (id: string, options: object) =>
      sleeper(id, { command: sh('env | grep -c ^TERM=; echo $TERM; exec sleep 300'), stdin: 'pty', ...options });
    const w = await started({ children: [of('a', { env: { TERM: 'vt100' } }), of('b', { env: { TERM: null } })] });
    await w.printed('a', '1\r\nvt100\r\n');
    await w.printed('b', '0\r\n');
  });

  it.runIf(process.geteuid?.() === 0)('can open it by its name as a user of its own, and by /dev/tty', async () => {
    const script = 'echo $(id -u) $(stat -c %u $(tty)); echo named >$(tty); echo control >/dev/tty; exec sleep 300';
    const agent = sleeper('a', { command: sh(script), stdin: 'pty', user: 'nobody' });
    const w = await started({ children: [agent] });
    await w.printed('a', '65534 65534\r\nnamed\r\ncontrol\r\n');
    await w.tree.agent('a').restart();
    await w.printed('a', 'control\r\n65534 65534\r\nnamed\r\ncontrol\r\n');
  });

  it('is resized while it runs, to sizes that a terminal can have', async () => {
    const script = 'trap "stty size" WINCH; echo up; while :; do sleep 0.05; done';
    const agent = sleeper('a', { command: sh(script), stdin: 'pty', readiness: UP_AT_A_TERMINAL });
    const w = await started({ children: [agent, sleeper('b')] });
    const handle = w.tree.agent('a');
    await handle.resize(132, 43);
    await w.printed('a', '43 132');
    for (const size of [0, -1, 1.5, 65_536, Number.NaN, '80' as unknown as number])
      await expect(handle.resize(80, size)).rejects.toMatchObject({
        code: 'OPTION_INVALID',
        details: { option: 'rows' },
      });
    await expect(w.tree.agent('b').resize(80, 24)).rejects.toMatchObject({ code: 'TERMINAL_ABSENT' });
    await handle.pause();
    await handle.resize(90, 20);
    await handle.resume();
    await w.printed('a', '20 90');
    await handle.stop();
    await expect(handle.resize(80, 24)).rejects.toMatchObject({ code: 'INVALID_STATE' });
  });
});

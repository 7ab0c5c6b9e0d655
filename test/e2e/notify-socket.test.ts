import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { eventually } from '../contract/recorder.js';
import { PYTHON } from '../program.js';
import { IMMEDIATE_RESTARTS, LONG_STAGES, shareKeeper, sleeper, started } from './world.js';

shareKeeper();

const SENDER = new URL('../fixtures/sends-datagrams.py', import.meta.url).pathname;
const sends = (...texts: string[]) => [PYTHON, SENDER, ...texts];
const agent = (id: string, ...texts: string[]) =>
  sleeper(id, { command: sends(...texts), readiness: { type: 'notify' }, stop: LONG_STAGES });

describe('the socket of sd_notify(3)', () => {
  it('takes the messages of an agent and of its descendants, several in one datagram', async () => {
    const children = [agent('a', 'STATUS=loading\nREADY=1\n', 'STATUS=serving 3=4'), agent('b', 'fork:READY=1')];
    const w = await started({ children });
    await eventually(() => w.view('a').statusText === 'serving 3=4', 'its status');
    expect(w.tree.agents().map(({ state }) => state)).toEqual(['running', 'running']);
    await w.tree.agent('a').stop();
    expect(w.view('a').statusText).toBe('');
  });

  it('refuses MAINPID with one report, and ignores RELOADING, STOPPING and datagrams that are none', async () => {
    const w = await started({
      children: [
        agent('a', 'READY=1', 'MAINPID=1', 'MAINPID=1', 'RELOADING=1', 'STOPPING=1', '', '\n\n', 'X'.repeat(9000)),
      ],
    });
    w.expected = /^it has sent MAINPID, which is refused/;
    await w.printed('a', '@');
    await w.reported('error', 'root/a');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(w.all('error')).toHaveLength(1);
    expect(w.view('a')).toMatchObject({ state: 'running', health: 'unknown', incarnation: 1 });
  });

  it('is not ready by an empty datagram', async () => {
    const command = sends('', '\n', 'STATUS=not yet');
    const readiness = { type: 'notify', timeout: 2_000 } as const;
    const w = await started({ children: [sleeper('b')] });
    const adding = w.tree.supervisor().add(sleeper('a', { command, readiness }));
    await expect(adding).rejects.toMatchObject({ code: 'START_FAILED' });
    expect(w.exits('root/a')).toMatchObject([{ cause: 'readiness-timeout' }]);
  });

  it('does not believe a process that is not of the agent, and reports it once', async () => {
    const children = [
      agent('a', 'READY=1'),
      { ...agent('b', 'READY=1'), liveness: { type: 'notify', timeout: 60_000 } } as const,
    ];
    // Its keeper reports that to its own tree.
    const w = await started({ ...IMMEDIATE_RESTARTS, children }, { driver: 'keeper' });
    w.expected = /which is not of agent \d+, has sent to its NOTIFY_SOCKET; it is not believed$/;
    await w.printed('b', '@');
    const NOTIFY_SOCKET = w.text('b').trim();
    // Alive while its datagrams are read.
    const env = { ...process.env, NOTIFY_SOCKET };
    const stranger = promisify(execFile)('timeout', ['5', ...sends('WATCHDOG=trigger', 'STATUS=mine')], { env });
    await w.reported('error');
    await stranger.catch(() => undefined);
    expect(w.all('error')).toHaveLength(1);
    expect(w.view('b')).toMatchObject({ state: 'running', statusText: '', incarnation: 1 });
  });

  it('lets an agent ask for more time to become ready, and feed its watchdog', async () => {
    const late = sends('EXTEND_TIMEOUT_USEC=20000000', 'STATUS=migrating');
    const w = await started({
      children: [{ ...agent('f', 'READY=1', 'WATCHDOG=1'), liveness: { type: 'notify' as const, timeout: 60_000 } }],
    });
    await eventually(() => w.view('f').health === 'healthy', 'its health');
    const readiness = { type: 'notify', timeout: 20_000 } as const;
    const adding = w.tree
      .supervisor()
      .add(sleeper('e', { command: late, readiness }))
      .catch(() => undefined);
    await eventually(() => w.view('e').detail === 'spawning.probing.extended', 'more time');
    await eventually(() => w.view('e').statusText === 'migrating', 'its status');
    await w.tree.agent('e').stop();
    await adding;
  });
});

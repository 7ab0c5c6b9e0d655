import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CommandAgent } from '../../src/index.js';
import { eventually, fixture } from '../contract/recorder.js';
import { IMMEDIATE_RESTARTS, LONG_STAGES, SHORT_ASK, sh, shareKeeper, sleeper, started, type World } from './world.js';

shareKeeper();

/** Probes in a row: the first one passes on a busy machine as well. */
const TIMES = { period: 100, timeout: 5_000, failures: 2 } as const;

function server(id: string, more: Partial<CommandAgent>): CommandAgent {
  const command = fixture('fails-on-request');
  return { id, command, ports: ['http'], readiness: { type: 'port' }, stop: LONG_STAGES, ...more };
}

/** The file exists until the test is over, or until it is removed. */
function markFile(): string {
  const directory = mkdtempSync(join(tmpdir(), 'supertree-liveness-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, 'alive'), '');
  return join(directory, 'alive');
}

async function healthy(w: World, id: string): Promise<void> {
  await eventually(() => w.view(id).health === 'healthy', `the health of ${id}`);
}

/** Waits for the end of the first incarnation and the readiness of the second. */
async function restarted(w: World, path: string) {
  await w.reported('ready', path, 2);
  return w.exits(path)[0];
}

describe('liveness', () => {
  it.each([
    ['http', '500', /^2 failures in a row, the last one: http:\/\/localhost:\d+\/live answered 500$/],
    ['http', 'close', /is not accepted by a process of it$/],
    ['tcp', 'close', /port \d+ is not accepted by a process of it$/],
  ] as const)('%s: ends an agent that fails (%s) by its stop stages, and restarts it', async (type, word, detail) => {
    const liveness = type === 'http' ? { type, path: '/live', ...TIMES } : { type, ...TIMES };
    const w = await started({ ...IMMEDIATE_RESTARTS, children: [server('a', { liveness })] });
    await healthy(w, 'a');
    expect(w.view('a')).toMatchObject({ state: 'running', healthDetail: '', healthSince: expect.any(Number) });
    await w.tree.agent('a').write(`${word}\n`);
    const exit = await restarted(w, 'root/a');
    expect(exit).toMatchObject({ cause: 'liveness', commanded: false, signal: 'SIGTERM' });
    expect(exit?.detail).toMatch(detail);
    expect(w.all('health', 'root/a').map(({ health }) => health)).toEqual(['healthy', 'unhealthy']);
    await healthy(w, 'a');
    expect(w.view('a')).toMatchObject({ incarnation: 2, restarts: 1 });
  });

  it('http: has failed when no answer comes in time', async () => {
    const liveness = { type: 'http', period: 50, timeout: 1_000, failures: 1 } as const;
    const w = await started({ ...IMMEDIATE_RESTARTS, children: [server('a', { liveness })] });
    await healthy(w, 'a');
    await w.tree.agent('a').write('hang\n');
    expect((await restarted(w, 'root/a'))?.detail).toMatch(/\/ did not answer within 1000 ms$/);
  });

  it('exec: fails with the command, and leaves no probe behind when it is stopped in the middle of one', async () => {
    const file = markFile();
    const liveness = { type: 'exec', command: sh(`[ -e ${file} ]`), ...TIMES } as const;
    const slow = { type: 'exec', command: sh('sleep 300 & wait'), period: 50, timeout: 60_000 } as const;
    const agents = [sleeper('a', { liveness }), sleeper('b', { liveness: slow })];
    const w = await started({ ...IMMEDIATE_RESTARTS, children: agents });
    await healthy(w, 'a');
    rmSync(file);
    await w.reported('exited', 'root/a');
    writeFileSync(file, '');
    expect(await restarted(w, 'root/a')).toMatchObject({ cause: 'liveness', detail: expect.stringMatching(/code 1$/) });
    expect(existsSync(file)).toBe(true);
    await eventually(() => w.members().length > 2, 'the probe that takes long');
    await w.tree.agent('b').stop();
    await eventually(() => w.members().length === 1, 'the end of that probe');
    expect(w.view('b')).toMatchObject({ state: 'stopped', health: 'unknown', healthSince: null });
  });

  it('exec: a probe that cannot be run changes nothing, and is reported once', async () => {
    const liveness = { type: 'exec', command: ['/no/such/probe'], period: 20, failures: 1 } as const;
    const w = await started({ children: [sleeper('a', { liveness })] });
    w.expected = /^probe \/no\/such\/probe did not run: .*ENOENT/;
    await w.reported('error', 'root/a');
    const runs = sh('exit 0');
    await w.tree.supervisor().add(sleeper('b', { liveness: { ...liveness, command: runs } }));
    await eventually(() => w.view('b').health === 'healthy', 'probes meanwhile');
    expect(w.view('a')).toMatchObject({ state: 'running', health: 'unknown', incarnation: 1 });
    expect(w.all('error', 'root/a')).toHaveLength(1);
  });

  it('notify: ends an agent that stops to send WATCHDOG=1, whose interval is in its environment', async () => {
    const feeding = 'echo $WATCHDOG_USEC; while [ "$SUPERTREE_INCARNATION" = 2 ] || [ -e "$FILE" ]; do';
    const command = sh(`${feeding} echo WATCHDOG=1 >&$SUPERTREE_NOTIFY_FD; sleep 0.1; done; exec sleep 300`);
    const file = markFile();
    const liveness = { type: 'notify', timeout: 3_000 } as const;
    const agent = sleeper('a', { command, env: { FILE: file }, liveness, stop: SHORT_ASK });
    const w = await started({ ...IMMEDIATE_RESTARTS, children: [agent] });
    await healthy(w, 'a');
    expect(w.text('a')).toBe('3000000\n');
    rmSync(file);
    const detail = 'it has sent no WATCHDOG=1 for 3000 ms';
    expect(await restarted(w, 'root/a')).toMatchObject({ cause: 'liveness', detail });
  });

  it('idle: ends an agent that has written nothing for too long, but not while it is paused', async () => {
    const command = sh(
      'echo first; [ "$SUPERTREE_INCARNATION" = 2 ] || exec sleep 300; while :; do echo on; sleep 0.1; done',
    );
    const liveness = { type: 'idle', timeout: 2_000 } as const;
    const w = await started({
      ...IMMEDIATE_RESTARTS,
      children: [sleeper('a', { command, liveness, stop: SHORT_ASK })],
    });
    await w.printed('a', 'first');
    await w.tree.agent('a').pause();
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(w.view('a')).toMatchObject({ state: 'paused', health: 'unknown', incarnation: 1 });
    await w.tree.agent('a').resume();
    expect(await restarted(w, 'root/a')).toMatchObject({
      cause: 'liveness',
      detail: 'it has written nothing for 2000 ms',
    });
  });

  it('a command or an end in the middle of a probe cancels it: its result changes nothing', async () => {
    const outcomes = { stop: 'stopped', kill: 'stopped', pause: 'paused', restart: 'running', end: 'running' } as const;
    type Interruption = keyof typeof outcomes;
    const all = Object.keys(outcomes) as Interruption[];
    const liveness = { type: 'http', period: 1_000, timeout: 3_000, failures: 2 } as const;
    const children = all.map((what) => server(what, { liveness }));
    const w = await started({ ...IMMEDIATE_RESTARTS, start: 'parallel', children });
    const interrupt = async (what: Interruption) => {
      await healthy(w, what);
      const agent = w.tree.agent(what);
      await agent.write('hang\n');
      await w.printed(what, 'asked');
      if (what === 'end') process.kill(w.pid(what), 'SIGKILL');
      else await agent[what]();
      if (outcomes[what] === 'running') await w.reported('ready', `root/${what}`, 2);
    };
    await Promise.all(all.map(interrupt));
    // Longer than the probe could have taken.
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    for (const what of all) {
      const state = outcomes[what];
      expect(w.view(what)).toMatchObject({ state, incarnation: state === 'running' ? 2 : 1 });
      expect(w.exits(`root/${what}`).map(({ cause }) => cause)).not.toContain('liveness');
    }
    expect(w.all('dead-letter')).toEqual([]);
    await w.tree.agent('pause').resume();
    await w.printed('pause', 'closed');
  });

  it('does not restart a temporary agent, and starts a transient one again', async () => {
    const liveness = { type: 'exec', command: ['false'], period: 50, failures: 1 } as const;
    const slow = { ...liveness, initialDelay: 60_000 };
    const agents = [
      sleeper('t', { restart: 'temporary', liveness }),
      sleeper('r', { restart: 'transient', liveness }),
      sleeper('s', { liveness: slow }),
    ];
    const w = await started({ ...IMMEDIATE_RESTARTS, children: agents });
    await w.reported('removed', 'root/t');
    await w.reported('ready', 'root/r', 2);
    expect(w.exits('root/t')).toMatchObject([{ cause: 'liveness' }]);
    expect(w.view('s')).toMatchObject({ health: 'unknown', incarnation: 1 });
  });
});

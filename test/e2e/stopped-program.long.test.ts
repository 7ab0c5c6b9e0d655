import { describe, expect, it } from 'vitest';
import type { CommandAgent } from '../../src/index.js';
import { eventually, fixture } from '../contract/recorder.js';
import { processFacts } from './proc.js';
import { LONG_STAGES, sh, sleeper, started, type World, world } from './world.js';

/** Blocks this program: nothing of it runs, as under SIGSTOP. Longer than the deadlines of these tests. */
function block(ms = 4_000): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** A readiness timeout that the agents of these tests need less than half of, also where a program of Node starts slowly; and more than that. */
const timeout = 5_000;
const LONGER_THAN_TIMEOUT = 7_000;

/** Agents that are ready half a second after their start. */
const LATE: readonly CommandAgent[] = [
  sleeper('log', {
    command: sh('sleep 0.5; echo ready; exec sleep 300'),
    readiness: { type: 'log', pattern: '^ready', timeout },
  }),
  sleeper('notify', {
    command: sh('sleep 0.5; echo READY=1 >&$SUPERTREE_NOTIFY_FD; exec sleep 300'),
    readiness: { type: 'notify', timeout },
  }),
  { id: 'port', command: fixture('serves', 500), ports: ['http'], readiness: { type: 'port', timeout } },
  { id: 'http', command: fixture('serves', 500), ports: ['http'], readiness: { type: 'http', timeout } },
];

describe.each(['keeper', 'local'] as const)('with the driver %s, a program that is blocked for long', (driver) => {
  const options = { driver };

  it('takes agents that became ready meanwhile for ready', async () => {
    const w = world({ start: 'parallel', children: LATE }, options);
    const starting = w.tree.start();
    await eventually(() => w.all('started').length === LATE.length, 'their starts');
    block(LONGER_THAN_TIMEOUT);
    await starting;
    expect(w.exits('root/log').length + w.exits('root/notify').length).toBe(0);
    expect(w.tree.agents().map(({ id, state, incarnation }) => [id, state, incarnation])).toEqual(
      LATE.map(({ id }) => [id, 'running', 1]),
    );
  });

  it('kills no agent that ended meanwhile as it was asked', async () => {
    const command = sh('trap "sleep 0.2; exit 7" TERM; echo set; while :; do sleep 0.05; done');
    const stop = { ...LONG_STAGES, ask: 1_500, insist: 100, kill: 100 };
    const w = await started({ children: [sleeper('a', { command, stop })] }, options);
    await w.printed('a', 'set');
    const pid = w.pid('a');
    const stopping = w.tree.agent('a').stop();
    await eventually(() => w.view('a').state === 'stopping', 'the stop');
    await new Promise((resolve) => setTimeout(resolve, 50));
    block();
    await stopping;
    expect(processFacts(pid)).toBeUndefined();
    expect(w.exits('root/a')).toMatchObject([{ code: 7, signal: null, cause: 'command' }]);
    expect(w.all('zombie')).toEqual([]);
  });

  it('does not take an agent that completed before its runtime was over for one that exceeded it', async () => {
    const command = sh('echo up; sleep 0.5');
    const agent = sleeper('a', { command, maxRuntime: 2_000, restart: 'transient' });
    const w = await started({ children: [agent] }, options);
    block();
    await w.becomes('a', 'completed');
    expect(w.exits('root/a')).toMatchObject([{ code: 0, cause: 'exit', commanded: false }]);
  });

  it('does not take an agent that wrote, or fed its watchdog, meanwhile for silent', async () => {
    const liveness = { type: 'idle', timeout: 1_500 } as const;
    const writes = sleeper('w', { command: sh('while :; do echo on; sleep 0.1; done'), liveness });
    const feeds = sleeper('f', {
      command: sh('while :; do echo WATCHDOG=1 >&$SUPERTREE_NOTIFY_FD; sleep 0.1; done'),
      liveness: { type: 'notify', timeout: 1_500 },
    });
    const w = await started({ children: [writes, feeds] }, options);
    await eventually(() => w.tree.agents().every(({ health }) => health === 'healthy'), 'their health');
    block();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(w.tree.agents().map(({ incarnation, health }) => [incarnation, health])).toEqual([
      [1, 'healthy'],
      [1, 'healthy'],
    ]);
  });
});

describe('a keeper that is stopped for long', () => {
  const keeperOf = (w: World) => Number(processFacts(w.pid('first'))?.parent);

  it('costs no agent its readiness, and none the time of its stop', async () => {
    const trapped = sh('trap "sleep 0.2; exit 7" TERM; echo set; while :; do sleep 0.05; done');
    const stop = { ...LONG_STAGES, ask: 1_500, insist: 100, kill: 100 };
    const first = sleeper('first', { command: trapped, stop });
    const w = await started({ children: [first] }, { driver: 'keeper' });
    await w.printed('first', 'set');
    const adding = w.tree.supervisor().add(LATE[0]!);
    await w.reported('started', 'root/log');
    const keeper = keeperOf(w);
    process.kill(keeper, 'SIGSTOP');
    const stopping = w.tree.agent('first').stop();
    await new Promise((resolve) => setTimeout(resolve, LONGER_THAN_TIMEOUT));
    process.kill(keeper, 'SIGCONT');
    await Promise.all([adding, stopping]);
    expect(w.view('log')).toMatchObject({ state: 'running', incarnation: 1 });
    expect(w.exits('root/first')).toMatchObject([{ code: 7, signal: null }]);
    expect(w.all('zombie')).toEqual([]);
  });
});

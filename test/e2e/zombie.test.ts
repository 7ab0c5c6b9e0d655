import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/contract/clock.js';
import type { Driver } from '../../src/drivers/driver.js';
import { createLocalDriver } from '../../src/drivers/local/local.js';
import { eventually } from '../contract/recorder.js';
import { isRunning } from './proc.js';
import { IMMEDIATE_RESTARTS, SHORT_ASK, sh, sleeper, started, type World, world } from './world.js';

/** Soon a zombie. */
const HASTY = { ...SHORT_ASK, kill: 200 } as const;
const stubborn = sleeper('a', {
  command: sh('trap "" TERM; echo up; while :; do sleep 300; done'),
  readiness: { type: 'log', pattern: 'up' },
  ports: ['http'],
  stop: HASTY,
});

/** The local driver, but for SIGKILL to one agent, which is lost as long as `lost` is true. */
function driverThatCannotKill(path: string): { driver: Driver; fault: { lost: boolean } } {
  const driver = createLocalDriver({ clock: systemClock });
  const fault = { lost: true };
  const start: Driver['start'] = (order, sink) => {
    const body = driver.start(order, sink);
    if (order.path !== path) return body;
    const kill = body.kill.bind(body);
    // SIGCONT changes nothing; the driver goes on looking, as it does behind SIGKILL.
    body.kill = () => (fault.lost ? body.ask('SIGCONT') : kill());
    return body;
  };
  return { driver: { start, close: () => driver.close() }, fault };
}

async function zombie(): Promise<{ w: World; pid: number; port: number; fault: { lost: boolean } }> {
  const { driver, fault } = driverThatCannotKill('root/a');
  const w = await started(
    { ...IMMEDIATE_RESTARTS, children: [stubborn, sleeper('b', { ports: ['http'] })] },
    { driver },
  );
  const { pid, ports } = w.view('a');
  await expect(w.tree.agent('a').stop()).rejects.toMatchObject({ code: 'ZOMBIE' });
  return { w, pid: pid!, port: ports.http!, fault };
}

/** However long it takes: its stages are so short that a busy machine may make a zombie of it for a moment. */
async function ended(w: World): Promise<void> {
  await w.tree
    .agent('a')
    .stop()
    .catch(() => undefined);
  await w.becomes('a', 'stopped');
}

describe('an agent that cannot be ended', () => {
  it('is a zombie that names its blockers, keeps its ports and is not started', async () => {
    const { w, pid, port } = await zombie();
    const { state, blockers, ports } = w.view('a');
    expect(state).toBe('zombie');
    expect(blockers.map((blocker) => blocker.pid)).toContain(pid);
    expect(blockers.map((blocker) => blocker.command)).toContain('sleep 300');
    expect(w.all('zombie')[0]?.blockers).toEqual(blockers);
    w.expectTrueStates();

    expect(ports).toEqual({ http: port });
    await w.tree.supervisor().add(sleeper('c', { ports: [{ name: 'http', preferred: port }] }));
    expect(w.view('c').ports.http).not.toBe(port);

    const message = new RegExp(`^root/a cannot be ended: .*pid ${pid} \\(S\\) sh -c`);
    await expect(w.tree.agent('a').start()).rejects.toMatchObject({
      code: 'ZOMBIE',
      message: expect.stringMatching(message),
    });
    await expect(w.tree.agent('a').restart()).rejects.toMatchObject({ code: 'ZOMBIE' });
    await expect(w.tree.agent('a').stop()).rejects.toMatchObject({ code: 'ZOMBIE' });
    await expect(w.tree.agent('a').pause()).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await expect(w.tree.supervisor().delete('a')).rejects.toMatchObject({ code: 'ZOMBIE' });
    expect(w.members('root/a').every(({ incarnation }) => incarnation === 1)).toBe(true);
    expect(isRunning(pid)).toBe(true);
    for (const member of w.members('root/a')) process.kill(member.pid, 'SIGKILL');
  });

  it('is stopped when its last process is gone, and can be started on the same port', async () => {
    const { w, pid, port, fault } = await zombie();
    const others = w.members('root/a').filter((member) => member.pid !== pid);
    process.kill(pid, 'SIGKILL');
    await w.reported('exited', 'root/a');
    expect(others.every((member) => isRunning(member.pid))).toBe(true);
    expect(w.view('a').state).toBe('zombie');
    w.expectTrueStates();
    for (const other of others) process.kill(other.pid, 'SIGKILL');
    await w.becomes('a', 'stopped');
    w.expectTrueStates();
    await w.tree.agent('a').start();
    expect(w.view('a')).toMatchObject({ state: 'running', incarnation: 2, ports: { http: port }, blockers: [] });
    fault.lost = false;
    await ended(w);
  });

  it('is ended by a later kill that gets through', async () => {
    const { w, fault } = await zombie();
    fault.lost = false;
    await w.tree
      .agent('a')
      .kill()
      .catch(() => undefined);
    await w.becomes('a', 'stopped');
    expect(w.view('a').exit).toMatchObject({ signal: 'SIGKILL', commanded: true });
    w.expectTrueStates();
  });

  it('does not restart when the rest of its process tree cannot be ended after a crash', async () => {
    const { driver } = driverThatCannotKill('root/a');
    const command = sh('setsid sleep 300 & echo up; wait');
    const agent = sleeper('a', { command, readiness: { type: 'log', pattern: 'up' }, stop: HASTY });
    const w = await started({ ...IMMEDIATE_RESTARTS, children: [agent] }, { driver });
    process.kill(w.pid('a'), 'SIGKILL');
    await w.becomes('a', 'zombie');
    expect(w.view('a').blockers).toMatchObject([{ command: 'sleep 300' }]);
    expect(w.all('started')).toHaveLength(1);
    process.kill(w.view('a').blockers[0]!.pid, 'SIGTERM');
    await w.reported('ready', 'root/a', 2);
    w.expectTrueStates();
    for (const member of w.members()) process.kill(member.pid, 'SIGKILL');
    await w.reported('ready', 'root/a', 3);
    await ended(w);
  });

  it('is not duplicated when its supervisor fails and is started again', async () => {
    const { driver, fault } = driverThatCannotKill('root/inner/a');
    const inner = { id: 'inner', maxRestarts: 0, children: [stubborn, sleeper('b')] };
    const w = await started({ ...IMMEDIATE_RESTARTS, children: [inner, sleeper('c')] }, { driver });
    process.kill(w.pid('b'), 'SIGKILL');
    await w.becomes('a', 'zombie');
    process.kill(w.pid('c'), 'SIGKILL');
    await w.reported('ready', 'root/c', 2);
    expect(w.view('a').state).toBe('zombie');
    const inside = w.members().filter(({ path }) => path !== 'root/c');
    expect(inside.map(({ path, incarnation }) => `${path} ${incarnation}`)).toEqual(inside.map(() => 'root/inner/a 1'));
    w.expectTrueStates();
    fault.lost = false;
    for (const member of inside) process.kill(member.pid, 'SIGKILL');
    await w.reported('ready', 'root/inner/b', 2);
    expect(w.view('a')).toMatchObject({ state: 'running', incarnation: 2 });
    w.expectTrueStates();
    await ended(w);
  });

  it('is reported as an error when a limit tried to end it', async () => {
    const { driver } = driverThatCannotKill('root/a');
    const limits = { memory: { max: 1, action: 'stop' } } as const;
    const w = await started({ children: [{ ...stubborn, limits }] }, { driver, samplePeriod: 20 });
    w.expected = /^root\/a cannot be ended/;
    await eventually(() => w.all('error', 'root/a').length > 0, 'the failure of the stop');
    expect(w.view('a').state).toBe('zombie');
    for (const member of w.members()) process.kill(member.pid, 'SIGKILL');
    await w.becomes('a', 'stopped');
  });

  it('is named by the stop of its tree, which ends all other agents', async () => {
    const { driver } = driverThatCannotKill('root/inner/a');
    const inner = { id: 'inner', children: [stubborn] };
    const w = world({ children: [sleeper('b'), inner] }, { driver });
    await w.tree.start();
    const end = await w.tree.stop();
    expect(end).toEqual({ reason: 'shutdown', clean: false, left: ['root/inner/a'] });
    expect(w.view('b').state).toBe('stopped');
    expect(w.view('a').state).toBe('zombie');
    for (const member of w.members('root/inner/a')) process.kill(member.pid, 'SIGKILL');
    await w.becomes('a', 'stopped');
    await eventually(() => w.members().length === 0, 'the end of all');
    w.left = ['root/inner/a'];
  });
});

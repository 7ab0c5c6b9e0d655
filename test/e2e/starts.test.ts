import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually, fixture } from '../contract/recorder.js';
import { portRange } from '../ports.js';
import { processFacts } from './proc.js';
import { IMMEDIATE_RESTARTS, SHORT_ASK, sh, shareKeeper, sleeper, started, world } from './world.js';

shareKeeper();

const server = (id: string, delay: number, ...words: string[]) => {
  const command = fixture('serves', delay, ...words);
  return { id, command, ports: ['http', 'admin'], readiness: { type: 'port' }, stop: SHORT_ASK } as const;
};

/** A stranger on a port, as long as the test runs. */
function stranger(port: number, host: string): Promise<void> {
  const listener = createServer();
  onTestFinished(() => void listener.close());
  return new Promise((resolve, reject) => {
    listener.once('error', reject).listen(port, host, resolve);
  });
}

describe('readiness', () => {
  it('is not there before the port accepts, and the next one starts after it', async () => {
    const w = await started({ children: [server('a', 200), sleeper('b')] });
    const order = w.reports.filter(({ type }) => type === 'ready' || type === 'started');
    const steps = ['root/a started', 'root/a ready', 'root/b started', 'root/b ready'];
    expect(order.map(({ path, type }) => `${path} ${type}`)).toEqual(steps);
    expect(w.all('ready', 'root/a')[0]?.after).toBeGreaterThan(150);
  });

  it('is there when a program listens on ::1 alone, or answers HTTP with success there', async () => {
    const env = { HOST: '::1' };
    const answers = { type: 'http', port: 'http', path: '/health' } as const;
    const agents = [
      { ...server('a', 0), env },
      { ...server('b', 0), env, readiness: answers },
    ];
    const w = await started({ children: agents });
    expect([w.view('a').state, w.view('b').state]).toEqual(['running', 'running']);
    const failing = { ...server('c', 0), env: { STATUS: '503' }, readiness: { ...answers, timeout: 1500 } };
    await expect(w.tree.supervisor().add(failing)).rejects.toMatchObject({ code: 'START_FAILED' });
    const detail = expect.stringMatching(/^http:\/\/localhost:\d+\/health answered 503$/);
    expect(w.exits('root/c')[0]).toMatchObject({ cause: 'readiness-timeout', detail });
  });

  it('is not reached because a foreign process accepts on the port', async () => {
    // It never listens: the stranger comes while it sleeps, on the port that was leased to it.
    const mute = { ...server('a', 0), command: ['sleep', '300'], readiness: { type: 'port', timeout: 1500 } } as const;
    const w = await started({ children: [sleeper('b')] });
    w.expected = /is answered by a process that is not of this agent/;
    const add = w.tree
      .supervisor()
      .add(mute)
      .catch((error: unknown) => error);
    const { ports } = await w.reported('started', 'root/a');
    await stranger(ports.http!, '127.0.0.1');
    expect(await add).toMatchObject({ code: 'START_FAILED' });
    expect(w.exits('root/a')[0]).toMatchObject({ cause: 'readiness-timeout' });
    expect(w.all('error', 'root/a')).toHaveLength(1);
  });

  it('is a matching line', async () => {
    const command = sh('echo not yet; sleep 0.1; echo "now serving" >&2; exec sleep 300');
    const readiness = { type: 'log', pattern: '^now \\w+$', stream: 'stderr' } as const;
    const w = await started({ children: [sleeper('a', { command, readiness })] });
    expect(w.text('a')).toBe('not yet\nnow serving\n');
  });

  it('is a prompt, which is seen at once as a piece of a line', async () => {
    const command = sh('printf "ready> "; read a; printf "Overwrite? [y/n] "; read a; echo "got $a"; exec sleep 300');
    const w = await started({
      children: [sleeper('a', { command, readiness: { type: 'log', pattern: '^ready> ' } })],
    });
    expect(w.tree.agent('a').output().lines).toMatchObject([{ partial: true }]);
    await w.tree.agent('a').write('go\n');
    await w.printed('a', 'Overwrite? [y/n] ');
    await w.tree.agent('a').write('y\n');
    await w.printed('a', 'got y\n');
    expect(w.text('a')).toBe('ready> Overwrite? [y/n] got y\n');
  });

  it('is a command that succeeds, with the ports and the environment of the agent', async () => {
    const readiness = { type: 'exec', interval: 20, command: sh('[ "{port}" = "$PORT" ] && [ -e "$GIVEN" ]') } as const;
    const agent = sleeper('a', { ports: ['http'], readiness, env: { GIVEN: '/proc/self/environ' } });
    const w = await started({ children: [agent] });
    expect(w.view('a').state).toBe('running');
    const failing = { ...agent, id: 'b', readiness: { ...readiness, command: ['false'], timeout: 200 } };
    w.expected = /^probe false /;
    await expect(w.tree.supervisor().add(failing)).rejects.toMatchObject({ code: 'START_FAILED' });
  });

  it('is a word on the readiness channel', async () => {
    const words = 'STATUS=loading READY=1 HEALTH=unhealthy';
    const readiness = { type: 'notify' } as const;
    const agents = [
      {
        id: 'a',
        command: sh(`for word in ${words}; do echo $word >&$SUPERTREE_NOTIFY_FD; done; exec sleep 300`),
        readiness,
        stop: SHORT_ASK,
      },
      sleeper('b', { readiness, command: sh('echo >&$SUPERTREE_NOTIFY_FD; exec sleep 300') }),
    ];
    const w = await started({ children: agents });
    await eventually(() => w.view('a').health === 'unhealthy', 'its health');
    expect(w.view('a')).toMatchObject({ state: 'running', detail: 'running.unhealthy' });
    expect(w.view('b').health).toBe('unknown');
  });

  it('is to be alive for a while', async () => {
    const readiness = { type: 'none', minUptime: 800 } as const;
    const flaky = sh('[ "$SUPERTREE_INCARNATION" = 1 ] && exit 1; exec sleep 300');
    const w = world({ ...IMMEDIATE_RESTARTS, boot: 'retry', children: [sleeper('a', { readiness, command: flaky })] });
    await w.tree.start();
    await w.reported('ready', 'root/a');
    expect(w.all('ready', 'root/a')[0]).toMatchObject({ incarnation: 2 });
    expect(w.all('ready', 'root/a')[0]?.after).toBeGreaterThanOrEqual(799);
    expect(w.exits('root/a')[0]).toMatchObject({ readyAt: null, code: 1 });
    w.expectTrueStates();
  });
});

describe('ports and templates', () => {
  it('fills in arguments and environment, and gives an agent its identity', async () => {
    const words = ['{port}', '--admin={port:admin}', '{id}#{incarnation}', '{{port}}', '{"json": {}}'];
    const agent = { ...server('a', 0, ...words), env: { GIVEN: '{port:admin}', SUPERTREE_AGENT_ID: 'liar' } };
    const w = await started({ children: [agent] }, { endpoint: 'ipc:///nowhere' });
    const { http, admin } = w.view('a').ports;
    const environment = JSON.parse(w.text('a').split('\n')[0]!);
    expect(environment.words).toEqual([`${http}`, `--admin=${admin}`, 'a#1', '{port}', '{"json": {}}']);
    expect(environment.env).toMatchObject({
      GIVEN: String(admin),
      PORT: String(http),
      PORT_HTTP: String(http),
      PORT_ADMIN: String(admin),
      SUPERTREE_AGENT_ID: 'a',
      SUPERTREE_AGENT_PATH: 'root/a',
      SUPERTREE_INCARNATION: '1',
      SUPERTREE_ENDPOINT: 'ipc:///nowhere',
    });
    await w.tree.agent('a').restart();
    expect(w.view('a').ports).toEqual({ http, admin });
  });

  it('gives an agent another port when a foreign process has the first one, and names its holder', async () => {
    // A port that another tree used a moment ago is passed over without a report.
    const base = portRange(20);
    await stranger(base, '127.0.0.1');
    const w = await started({ children: [server('a', 0)] }, { ports: { base, count: 20 } });
    const { ports } = w.view('a');
    expect(Object.values(ports)).not.toContain(base);
    const conflict = await w.reported('port-conflict', 'root/a');
    expect(conflict).toMatchObject({ port: base, holder: expect.stringMatching(`^pid ${process.pid} \\(`) });
    w.expectTrueStates();
  });

  it('never gives two agents the same port', async () => {
    const pool = {
      size: 9,
      agent: { ...server('x', 0), readiness: { type: 'none' }, command: ['sleep', '300'] },
    } as const;
    const { id: _, ...agent } = pool.agent;
    const w = await started(
      { children: [{ id: 'pool', pool: { ...pool, agent } }] },
      { ports: { base: portRange(20), count: 20 } },
    );
    const ports = w.tree.agents().flatMap((view) => Object.values(view.ports));
    expect(new Set(ports).size).toBe(18);
    await w.tree.supervisor('root/pool').add();
    const full = w.tree.supervisor('root/pool').add();
    await expect(full).rejects.toMatchObject({
      code: 'START_FAILED',
      message: expect.stringContaining('No free port'),
    });
  });

  it('leads its own session', async () => {
    const w = await started({ children: [sleeper('a')] });
    const pid = w.pid('a');
    expect(processFacts(pid)).toMatchObject({ session: pid, group: pid });
    expect(processFacts(process.pid)?.session).not.toBe(pid);
  });
});

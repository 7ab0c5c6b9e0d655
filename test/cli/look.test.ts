import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { SupervisorView } from '../../src/contract/view.js';
import { NOW, row, supertree } from './fake-host.js';

const web = row('root/web', { ports: { http: 8100, admin: 8101 }, restarts: 2, health: 'healthy', uuid: 'u-web' });
const doubtful = { healthSince: NOW - 5_000, healthDetail: 'port 8100 did not accept within 1000 ms' };
const job = row('root/group/job', {
  uuid: 'u-job',
  state: 'failed',
  detail: 'failed.retrying',
  pid: null,
  usage: null,
  since: NOW - 3 * 60_000,
});
const view: SupervisorView = {
  kind: 'supervisor',
  path: 'root',
  id: 'root',
  status: 'running',
  strategy: 'one_for_one',
  children: [
    { kind: 'agent', ...web },
    {
      kind: 'supervisor',
      path: 'root/group',
      id: 'group',
      status: 'booting',
      strategy: 'rest_for_one',
      children: [{ kind: 'agent', ...job }],
    },
    { kind: 'pool', path: 'root/none', id: 'none', status: 'running', strategy: 'pool', children: [] },
  ],
};
const health = {
  healthy: true,
  protocolVersion: '1.0.0',
  version: '0.1.0',
  serverId: 'server-1',
  endpoints: ['ipc:///run/s.sock', 'tcp://127.0.0.1:5555'],
  uptime: 7_300_000,
  agents: 2,
  active: 1,
  maxAgents: 1000,
  states: { running: 1, failed: 1 },
};

describe('supertree ps', () => {
  it('shows one aligned row per agent with everything promised', async () => {
    const result = await supertree(['ps'], { answers: { ps: () => [web, job] } });
    expect(result).toMatchObject({ code: 0, err: '', closed: 1 });
    expect(result.out).toBe(
      [
        'PATH            UUID   STATE     PID  PORTS                 RESTARTS  HEALTH    CPU   MEMORY  SINCE',
        'root/web        u-web  running  4711  http:8100 admin:8101         2  healthy  1.3%  12.3 MB    12s',
        'root/group/job  u-job  failed      -  -                            0  unknown     -        -     3m',
        '',
      ].join('\n'),
    );
  });

  it('shows only the header when there is no agent', async () => {
    const result = await supertree(['ps'], { answers: { ps: () => [] } });
    expect(result.out).toMatch(/^PATH .*SINCE\n$/);
  });

  it('prints one JSON document with the rows of the server, and requests their usage', async () => {
    const result = await supertree(['ps', '--json'], { answers: { ps: () => [web, job] } });
    expect(JSON.parse(result.out)).toEqual([web, job]);
    expect(result.err).toBe('');
    expect(result.seen).toEqual([{ name: 'ps', params: { usage: true } }]);
  });

  it('cuts nothing where no terminal is, however long a path is', async () => {
    const long = `root/${'deep/'.repeat(60)}end`;
    const result = await supertree(['ps'], { answers: { ps: () => [row(long)] } });
    expect(result.out).toContain(long);
  });

  it('uses colours only on a terminal that wants them', async () => {
    const answers = { ps: () => [web] };
    const green = '\x1b[32mrunning';
    expect((await supertree(['ps'], { answers, terminal: true })).out).toContain(green);
    for (const setup of [
      { terminal: false },
      { terminal: true, env: { NO_COLOR: '1' } },
      { terminal: true, env: { TERM: 'dumb' } },
    ]) {
      expect((await supertree(['ps'], { answers, ...setup })).out).not.toContain('\x1b');
    }
  });

  it('aligns a coloured table exactly as a plain one', async () => {
    const answers = { ps: () => [web, job] };
    const coloured = (await supertree(['ps'], { answers, terminal: true })).out;
    const plain = (await supertree(['ps'], { answers })).out;
    expect(stripVTControlCharacters(coloured)).toBe(plain);
  });
});

describe('an agent that failed', () => {
  const failed = { state: 'failed', pid: null, usage: null, since: NOW - 1_000 } as const;
  const exhausted = row('root/spent', { ...failed, detail: 'failed.exhausted' });
  const retrying = row('root/again', { ...failed, detail: 'failed.retrying', retryIn: 4_000 });
  const soon = row('root/soon', { ...failed, detail: 'failed.retrying', retryIn: 1_200 });
  const late = row('root/late', { ...failed, detail: 'failed.retrying', retryIn: 900 });
  const rows = [exhausted, retrying, soon, late];

  it.each(['ps', 'top -n 1 --sort path'])('shows in %s whether it is tried again, and when', async (line) => {
    const { out } = await supertree(line.split(' '), { answers: { ps: () => rows } });
    const states = [
      /^root\/spent .* exhausted /m,
      /^root\/again .* retrying in 3 s /m,
      /^root\/soon .* retrying in 200 ms /m,
    ];
    for (const state of [...states, /^root\/late .* retrying {2,}/m]) expect(out).toMatch(state);
    if (line !== 'ps') expect(out).toContain('4 agents: 3 failed, 1 exhausted;');
  });

  it('is counted in health when it is not tried again, which is no failure of the server', async () => {
    const answer = { ...health, states: { failed: 4 } };
    const answers = { health: () => answer, ps: () => rows };
    const { code, out } = await supertree(['health'], { answers });
    expect(code).toBe(0);
    expect(out).toMatch(/^given up {5}1 agent failed and is not tried again$/m);
    const two = { ...answers, ps: () => [exhausted, exhausted] };
    expect((await supertree(['health'], { answers: two })).out).toContain('2 agents failed and are not tried again\n');
    const none = { ...answers, ps: () => [retrying] };
    expect((await supertree(['health'], { answers: none })).out).not.toContain('given up');
    const json = await supertree(['health', '--json'], { answers });
    expect(JSON.parse(json.out)).toEqual(answer);
  });
});

describe('an agent whose start waits', () => {
  const waiting = row('root/web', { state: 'stopped', detail: 'waiting for db to be ready', pid: null });

  it.each(['ps', 'status web'])('shows in %s for whom', async (line) => {
    const { out } = await supertree(line.split(' '), { answers: { ps: () => [waiting], status: () => waiting } });
    expect(out).toContain('waiting for db to be ready');
  });
});

describe('supertree tree', () => {
  it('draws supervisors, pools and agents in start order', async () => {
    const result = await supertree(['tree'], { answers: { tree: () => view } });
    const names = result.out.split('\n').map((line) => line.slice(0, 27).trimEnd());
    expect(names).toEqual([
      'TREE                     ST'.slice(0, 27).trimEnd(),
      'root (one_for_one)       ru',
      '├─ web                   ru',
      '├─ group (rest_for_one)  bo',
      '│  └─ job                fa',
      '└─ none (pool)           ru',
      '',
    ]);
    expect(result.out).toMatch(/├─ web .* 4711 .*http:8100 admin:8101 .*healthy .*1\.3% .*12\.3 MB .*12s .*u-web/);
  });

  it('prints the same as one JSON document', async () => {
    const result = await supertree(['tree', '--json'], { answers: { tree: () => view } });
    expect(JSON.parse(result.out)).toEqual(view);
  });
});

describe('supertree status', () => {
  it('prints everything about one agent, its last exit included', async () => {
    const exit = {
      id: 'web',
      incarnation: 1,
      pid: 4700,
      code: 3,
      signal: null,
      oom: false,
      cause: 'exit' as const,
      detail: '',
      commanded: false,
      startedAt: NOW - 90_000,
      readyAt: NOW - 89_000,
      exitedAt: NOW - 60_000,
      tail: ['the disk is on fire'],
    };
    const result = await supertree(['status', 'web'], {
      answers: {
        status: () => ({ ...web, ...doubtful, statusText: 'serving', detail: 'running.healthy', exit, retryIn: 200 }),
      },
    });
    expect(result.code).toBe(0);
    for (const line of [
      'uuid         u-web',
      'state        running for 12s',
      'health       healthy for 5s; the last probe failed: port 8100 did not accept within 1000 ms',
      'says         serving',
      'pid          4711',
      'ports        http:8100 admin:8101',
      'command      node web.mjs',
      'incarnation  1, restarted 2 times',
      'memory       12.3 MB (PSS)',
      'next try     in 200 ms',
      'last exit    exit code 3, 1m ago',
      '             | the disk is on fire',
    ]) {
      expect(result.out.split('\n')).toContain(line);
    }
  });

  it('spells out control characters, so that an agent cannot steer the terminal', async () => {
    const nasty = { ...web, command: ['sh', '-c', 'printf "\x1b]0;owned\x07"\n'] };
    const result = await supertree(['status', 'web'], {
      answers: { status: () => nasty },
      terminal: true,
      env: { NO_COLOR: '1' },
    });
    expect(result.out).toContain('\\x1b]0;owned\\x07');
    expect(result.out).not.toContain('\x1b');
  });

  it('prints one JSON object', async () => {
    const result = await supertree(['status', 'root/web', '--json'], { answers: { status: () => web } });
    expect(JSON.parse(result.out)).toEqual(web);
    expect(result.seen).toEqual([{ name: 'status', params: { agent: 'root/web', usage: true } }]);
  });
});

describe('supertree health', () => {
  it('names the agents whose health is in doubt', async () => {
    const { path, healthSince: since, healthDetail: detail } = { ...web, ...doubtful };
    const unhealthy = [
      { path, health: 'healthy', since, detail },
      { path: 'root/b', health: 'unhealthy', since: null, detail: '' },
    ];
    const result = await supertree(['health'], { answers: { health: () => ({ ...health, unhealthy }), ps: () => [] } });
    expect(result).toMatchObject({ code: 0 });
    expect(result.out).toContain(`in doubt     root/web is healthy for 5s; the last probe failed: ${detail}\n`);
    expect(result.out).toContain('in doubt     root/b is unhealthy\n');
  });

  it('prints the health of the server', async () => {
    const result = await supertree(['health'], { answers: { health: () => health, ps: () => [] } });
    expect(result).toMatchObject({ code: 0, err: '' });
    expect(result.out).toContain('agents       2 of at most 1000, 1 active\n');
    expect(result.out).toContain('uptime       2h\n');
    expect(result.out).toContain('states       1 running, 1 failed\n');
  });

  it('prints one JSON object, and exits with 1 when the server is not healthy', async () => {
    const sick = { ...health, healthy: false };
    const result = await supertree(['health', '--json'], { answers: { health: () => sick } });
    expect(JSON.parse(result.out)).toEqual(sick);
    expect(result.code).toBe(1);
    expect(result.err).toMatch(/^UNHEALTHY: .*\n$/);
  });
});

import { describe, expect, it } from 'vitest';
import { SupertreeError } from '../../src/errors.js';
import { begin, row, supertree } from './fake-host.js';

const answers = { spawn: () => row('root/web', { uuid: 'u-web' }) };

describe('supertree spawn', () => {
  it('asks for the agent in the directory of the caller and waits until it is ready', async () => {
    const result = await supertree(['spawn', 'web', '--', 'node', 'web.mjs'], { answers });
    expect(result).toMatchObject({ code: 0, err: '', out: 'root/web is running, pid 4711, uuid u-web\n' });
    expect(result.seen).toEqual([
      { name: 'spawn', params: { spec: { id: 'web', command: ['node', 'web.mjs'], cwd: '/home/me' }, wait: true } },
    ]);
  });

  it('passes every option on', async () => {
    const argv =
      'spawn web --restart transient --port http --port admin --env A=1 --env B=x=y --cwd sub --stdin closed --inherit PATH,HOME --unset LANG --unset LC_ALL --output-order merged --close-input 500 --stop-scope main --user www --group 33 --umask 027 --nice -5 --rlimit nofile=10:20 --rlimit core=infinity --oom-score-adj -1 --before true --after false --parent root/group --no-wait';
    const result = await supertree([...argv.split(' '), '--', 'run'], { answers });
    expect(result.seen[0]?.params).toEqual({
      spec: {
        id: 'web',
        command: ['run'],
        cwd: '/home/me/sub',
        restart: 'transient',
        stdin: 'closed',
        inherit: ['PATH', 'HOME'],
        unset: ['LANG', 'LC_ALL'],
        output: { order: 'merged' },
        stop: { closeInput: 500, scope: 'main' },
        user: 'www',
        group: 33,
        umask: '027',
        nice: -5,
        rlimits: { nofile: { soft: 10, hard: 20 }, core: 'infinity' },
        oomScoreAdj: -1,
        hooks: { beforeStart: ['sh', '-c', 'true'], afterEnd: ['sh', '-c', 'false'] },
        ports: ['http', 'admin'],
        env: { A: '1', B: 'x=y' },
      },
      parent: 'root/group',
      wait: false,
    });
  });

  it('leaves everything behind -- to the command, options and a second -- included', async () => {
    const words = ['node', '--version', '--json', '--endpoint', 'x', '--', '-h', ''];
    const result = await supertree(['spawn', 'web', '--', ...words], { answers });
    expect(result.seen[0]?.params).toMatchObject({ spec: { command: words } });
    expect(result.endpoints).toEqual([undefined]);
  });

  it.each([
    ['all', 'all'],
    ['none', 'none'],
    ['A', ['A']],
  ])('inherits %s', async (value, inherit) => {
    const result = await supertree(['spawn', 'web', '--inherit', value, '--', 'run'], { answers });
    expect(result.seen[0]?.params).toMatchObject({ spec: { inherit } });
  });

  it.each(['', 'A,', 'A=1'])('does not inherit %j, which is no name', async (value) => {
    const result = await supertree(['spawn', 'web', '--inherit', value, '--', 'run'], { answers });
    expect(result).toMatchObject({ code: 2, seen: [] });
  });

  it.each([
    ['--nice', 'low'],
    ['--oom-score-adj', '1.5'],
    ['--rlimit', 'nofile'],
    ['--rlimit', 'nofile=many'],
    ['--rlimit', 'nofile=1:2:3'],
    ['--user', ''],
    ['--pty-size', '120'],
    ['--pty-size', '0x40'],
    ['--pty-size', '120x65536'],
  ])('refuses %s %j', async (option, value) => {
    const result = await supertree(['spawn', 'web', option, value, '--', 'run'], { answers });
    expect(result).toMatchObject({ code: 2, seen: [] });
  });

  it.each([
    [['--pty'], { stdin: 'pty' }],
    [['--pty-size', '120x40'], { stdin: 'pty', pty: { columns: 120, rows: 40 } }],
    [['--pty', '--pty-size', '1x65535'], { stdin: 'pty', pty: { columns: 1, rows: 65_535 } }],
  ])('asks for a terminal by %j', async (options, spec) => {
    const result = await supertree(['spawn', 'web', ...options, '--', 'run'], { answers });
    expect(result.seen[0]?.params).toMatchObject({ spec });
  });

  it('takes an empty value for a variable', async () => {
    const result = await supertree(['spawn', 'web', '--env', 'A=', '--', 'run'], { answers });
    expect(result.seen[0]?.params).toMatchObject({ spec: { env: { A: '' } } });
  });

  it('takes the value of a variable from its own environment, where no process list shows it', async () => {
    const env = { TOKEN: 's3cret', EMPTY: '' };
    const argv = ['spawn', 'web', '--env', 'TOKEN', '--env', 'EMPTY', '--', 'run'];
    const result = await supertree(argv, { answers, env });
    expect(result.seen[0]?.params).toMatchObject({ spec: { env } });
    const missing = await supertree(['spawn', 'web', '--env', 'MISSING', '--', 'run'], { answers, env });
    expect(missing).toMatchObject({ code: 2, out: '', seen: [] });
    expect(missing.err).toMatch(/^USAGE: .*MISSING.* is not set here.*\n$/);
  });

  it('prints its row as one JSON object', async () => {
    const result = await supertree(['spawn', 'web', '--json', '--', 'run'], { answers });
    expect(JSON.parse(result.out)).toEqual(row('root/web', { uuid: 'u-web' }));
  });

  it('exits with 1 when the server refuses', async () => {
    const refuse = () => Promise.reject(new SupertreeError('ALREADY_STARTED', { id: 'web' }));
    const result = await supertree(['spawn', 'web', '--', 'run'], { answers: { spawn: refuse } });
    expect(result).toMatchObject({ code: 1, out: '' });
    expect(result.err).toMatch(/^ALREADY_STARTED: .*\n$/);
  });

  it('can be interrupted while the agent is not ready yet', async () => {
    const running = begin(['spawn', 'web', '--', 'run']);
    await expect.poll(() => running.seen.length).toBe(1);
    running.interrupt('SIGINT');
    expect(await running.result).toMatchObject({
      code: 130,
      err: 'Interrupted. The spawn may have been carried out anyway; see `supertree ps`.\n',
    });
  });
});

describe('supertree serve', () => {
  it('passes its options to the server, the file as an absolute path, and exits with its code', async () => {
    const requests: unknown[] = [];
    const serve = async (request: unknown) => {
      requests.push(request);
      return 7;
    };
    const flags = '--endpoint ipc:///tmp/a --pub-endpoint ipc:///tmp/b --max-agents 9 --driver keeper --state s'.split(
      ' ',
    );
    expect((await supertree(['serve', 'tree.toml', ...flags], { serve })).code).toBe(7);
    expect((await supertree(['serve', '--driver', 'none'], { serve })).code).toBe(2);
    expect((await supertree(['serve'], { serve, env: { SUPERTREE_ENDPOINT: 'ipc:///tmp/env' } })).code).toBe(7);
    expect(requests).toEqual([
      {
        file: '/home/me/tree.toml',
        endpoint: 'ipc:///tmp/a',
        pubEndpoint: 'ipc:///tmp/b',
        maxAgents: 9,
        driver: 'keeper',
        state: '/home/me/s',
      },
      { endpoint: 'ipc:///tmp/env' },
    ]);
  });

  it('prints in one line why it cannot serve', async () => {
    const serve = () =>
      Promise.reject(new SupertreeError('FILE_INVALID', { file: 'x.toml', problem: 'line 3, column 7' }));
    const result = await supertree(['serve', 'x.toml'], { serve });
    expect(result).toMatchObject({ code: 1, out: '' });
    expect(result.err).toMatch(/^FILE_INVALID: x\.toml cannot be read as a tree: line 3, column 7\. .*\n$/);
  });
});

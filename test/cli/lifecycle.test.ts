import { describe, expect, it } from 'vitest';
import { SupertreeError } from '../../src/errors.js';
import type { LifecycleParams } from '../../src/transport/operations.js';
import { begin, row, supertree } from './fake-host.js';

const VERBS = ['start', 'stop', 'kill', 'restart', 'pause', 'resume'] as const;

const refuseGhost = ({ agent }: LifecycleParams) => {
  if (agent === 'ghost') throw new SupertreeError('AGENT_NOT_FOUND', { agent });
  return row(`root/${agent}`, { state: 'stopped', pid: null });
};

describe('start, stop, kill, restart, pause, resume', () => {
  it.each(VERBS)('%s waits until it is true and says in one line what is', async (verb) => {
    const answer = ({ agent }: LifecycleParams) => row(`root/${agent}`, { ports: { http: 8100 } });
    const result = await supertree([verb, 'web'], { answers: { [verb]: answer } });
    expect(result).toMatchObject({
      code: 0,
      err: '',
      out: 'root/web is running, pid 4711, ports http:8100\n',
      closed: 1,
    });
    expect(result.seen).toEqual([{ name: verb, params: { agent: 'web', wait: true } }]);
  });

  it.each(VERBS)('%s --no-wait asks only for acceptance', async (verb) => {
    const result = await supertree([verb, 'web', '--no-wait'], { answers: { [verb]: refuseGhost } });
    expect(result.code).toBe(0);
    expect(result.seen).toEqual([{ name: verb, params: { agent: 'web', wait: false } }]);
  });

  it('passes the mode of a pause on', async () => {
    const result = await supertree(['pause', 'web', '--mode', 'cooperative'], { answers: { pause: refuseGhost } });
    expect(result.seen[0]?.params).toEqual({ agent: 'web', wait: true, mode: 'cooperative' });
  });

  it('tells the progress on standard error, no word twice in a row', async () => {
    const result = await supertree(['stop', 'web'], {
      answers: {
        stop: (params: LifecycleParams, tell) => {
          for (const detail of ['stopping.asking', 'stopping.asking', 'stopping.insisting', '']) {
            tell({ path: 'root/web', state: 'stopping', detail });
          }
          return refuseGhost(params);
        },
      },
    });
    expect(result.err).toBe('root/web stopping.asking\nroot/web stopping.insisting\nroot/web stopping\n');
    expect(result.out).toBe('root/web is stopped\n');
  });

  it('does several at the same time', async () => {
    const waiting: (() => void)[] = [];
    const stop = (params: LifecycleParams) =>
      new Promise((resolve) => {
        waiting.push(() => resolve(refuseGhost(params)));
        if (waiting.length === 3) for (const go of waiting) go();
      });
    const result = await supertree(['stop', 'a', 'b', 'c'], { answers: { stop } });
    expect(result.code).toBe(0);
    expect(result.out.split('\n').sort()).toEqual(['', 'root/a is stopped', 'root/b is stopped', 'root/c is stopped']);
  });

  it('tells each failure in a line, does the others all the same, and exits with 1', async () => {
    const result = await supertree(['stop', 'web', 'ghost', 'job'], { answers: { stop: refuseGhost } });
    expect(result.code).toBe(1);
    expect(result.err).toBe('AGENT_NOT_FOUND: There is no agent ghost. List the agents with `supertree ps`.\n');
    expect(result.out).toBe('root/web is stopped\nroot/job is stopped\n');
  });

  it('prints one JSON document with what became of each, in the order given', async () => {
    const result = await supertree(['stop', 'ghost', 'web', '--json'], { answers: { stop: refuseGhost } });
    expect(result.code).toBe(1);
    expect(JSON.parse(result.out)).toEqual([
      {
        agent: 'ghost',
        row: null,
        error: {
          code: 'AGENT_NOT_FOUND',
          message: 'There is no agent ghost.',
          remedy: 'List the agents with `supertree ps`.',
        },
      },
      { agent: 'web', row: row('root/web', { state: 'stopped', pid: null }), error: null },
    ]);
  });

  it('exits with 3 when the server goes away while it waits', async () => {
    const stop = () => Promise.reject(new SupertreeError('NO_SERVER', { endpoint: 'ipc:///tmp/x' }));
    expect((await supertree(['stop', 'web'], { answers: { stop } })).code).toBe(3);
  });

  it('exits with 1 and one line when something fails in a way it should not', async () => {
    const stop = () => Promise.reject(new TypeError('first line\nsecond line'));
    const result = await supertree(['stop', 'web'], { answers: { stop } });
    expect(result.code).toBe(1);
    expect(result.err).toMatch(/^INTERNAL: .*first line second line.*\n$/);
  });
});

describe('an interrupt', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'by %s ends the wait with %d, tells that the server goes on, and closes the connection',
    async (signal, code) => {
      const running = begin(['restart', 'web', 'job']);
      await expect.poll(() => running.seen.length).toBe(2);
      running.interrupt(signal);
      expect(await running.result).toMatchObject({
        code,
        out: '',
        err: 'Interrupted. The server goes on with restart; see `supertree ps`.\n',
        closed: 1,
      });
    },
  );
});

describe('the server that is meant', () => {
  const answers = { ps: () => [] };

  it('is named by --endpoint, before or behind the command', async () => {
    const env = { SUPERTREE_ENDPOINT: 'ipc:///tmp/env' };
    for (const argv of [
      ['--endpoint', 'ipc:///tmp/flag', 'ps'],
      ['ps', '--endpoint', 'ipc:///tmp/flag'],
      ['ps', '--endpoint=ipc:///tmp/flag'],
    ]) {
      expect((await supertree(argv, { answers, env })).endpoints).toEqual(['ipc:///tmp/flag']);
    }
  });

  it('is named by SUPERTREE_ENDPOINT otherwise, unless that is empty', async () => {
    expect((await supertree(['ps'], { answers, env: { SUPERTREE_ENDPOINT: 'ipc:///tmp/env' } })).endpoints).toEqual([
      'ipc:///tmp/env',
    ]);
    expect((await supertree(['ps'], { answers, env: { SUPERTREE_ENDPOINT: '' } })).endpoints).toEqual([undefined]);
    expect((await supertree(['ps'], { answers })).endpoints).toEqual([undefined]);
  });

  it('is missed with exit code 3 and one line', async () => {
    const result = await supertree(['ps', '--json'], { absent: true });
    expect(result).toMatchObject({ code: 3, out: '' });
    expect(result.err).toMatch(/^NO_SERVER: No supertree server answered at .*\n$/);
  });
});

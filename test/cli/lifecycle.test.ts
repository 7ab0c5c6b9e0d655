import { describe, expect, it } from 'vitest';
import { SupertreeError } from '../../src/errors.js';
import type { ParamsOf } from '../../src/protocol/operations.js';
import { begin, row, type Setup, supertree } from './fake-host.js';

const VERBS = ['start', 'stop', 'kill', 'restart', 'pause', 'resume'] as const;

const refuseGhost = ({ agent }: ParamsOf<'stop'>) => {
  if (agent === 'ghost') throw new SupertreeError('AGENT_NOT_FOUND', { agent });
  return row(`root/${agent}`, { state: 'stopped', pid: null });
};

describe('start, stop, kill, restart, pause, resume', () => {
  it.each(VERBS)('%s waits until it is done and prints the result in one line', async (verb) => {
    const answer = ({ agent }: ParamsOf<'stop'>) => row(`root/${agent}`, { ports: { http: 8100 } });
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

  it('prints the progress on standard error, no state twice in a row', async () => {
    const result = await supertree(['stop', 'web'], {
      answers: {
        stop: (params: ParamsOf<'stop'>, progress) => {
          for (const detail of ['stopping.asking.asking', 'stopping.asking.asked', 'stopping.insisting', '']) {
            progress({ path: 'root/web', state: 'stopping', detail });
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
    const stop = (params: ParamsOf<'stop'>) =>
      new Promise((resolve) => {
        waiting.push(() => resolve(refuseGhost(params)));
        if (waiting.length === 3) for (const go of waiting) go();
      });
    const result = await supertree(['stop', 'a', 'b', 'c'], { answers: { stop } });
    expect(result.code).toBe(0);
    expect(result.out.split('\n').sort()).toEqual(['', 'root/a is stopped', 'root/b is stopped', 'root/c is stopped']);
  });

  it('prints each failure in a line, carries out the other commands, and exits with 1', async () => {
    const result = await supertree(['stop', 'web', 'ghost', 'job'], { answers: { stop: refuseGhost } });
    expect(result.code).toBe(1);
    expect(result.err).toBe('AGENT_NOT_FOUND: There is no agent ghost. List the agents with `supertree ps`.\n');
    expect(result.out).toBe('root/web is stopped\nroot/job is stopped\n');
  });

  it('prints one JSON document with the result of each, in the given order', async () => {
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
      const restart = (_params: ParamsOf<'stop'>, _progress: unknown, accept: () => void) => {
        accept();
        return new Promise(() => undefined);
      };
      const running = begin(['restart', 'web', 'job'], { answers: { restart } });
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

describe('the note of an interrupt', () => {
  const never = () => new Promise(() => undefined);
  const accepted = (_params: never, _progress: unknown, accept: () => void) => {
    accept();
    return never();
  };
  const note = async (argv: readonly string[], setup: Setup) => {
    const running = begin(argv, setup);
    await expect.poll(() => (setup.connecting ? running.endpoints : running.seen).length).toBeGreaterThan(0);
    running.interrupt('SIGINT');
    return (await running.result).err;
  };

  it.each([
    ['stop', ['web']],
    ['signal', ['web', 'HUP']],
    ['send', ['web', 'text']],
    ['spawn', ['web', '--', 'true']],
    ['ps', []],
  ])('%s: that nothing was sent, while it connects', async (verb, words) => {
    expect(await note([verb, ...words], { connecting: true })).toBe('Interrupted. Nothing was sent.\n');
  });

  it('that it may have been done, when it was sent without an answer', async () => {
    const unsure = 'may have been carried out anyway; see';
    expect(await note(['stop', 'web'], {})).toBe(`Interrupted. The stop ${unsure} \`supertree ps\`.\n`);
    expect(await note(['spawn', 'web', '--', 'true'], {})).toBe(`Interrupted. The spawn ${unsure} \`supertree ps\`.\n`);
    expect(await note(['signal', 'web', 'HUP'], {})).toBe('Interrupted. The signal may have been sent anyway.\n');
  });

  it('that the server continues, only when every request was accepted', async () => {
    const setup = { answers: { spawn: accepted } };
    expect(await note(['spawn', 'web', '--', 'true'], setup)).toBe(
      'Interrupted. The server goes on with spawn; see `supertree ps`.\n',
    );
    const stop = (params: ParamsOf<'stop'>, progress: unknown, accept: () => void) =>
      params.agent === 'web' ? accepted(params as never, progress, accept) : never();
    expect(await note(['stop', 'web', 'job'], { answers: { stop } })).toMatch(/may have been carried out/);
  });

  it('how much of the input was handed over', async () => {
    let calls = 0;
    const send = () => (++calls === 1 ? { bytes: 3 } : never());
    const setup = { answers: { send }, stdin: [Buffer.from('one'), Buffer.from('three')] };
    const running = begin(['send', 'web'], setup);
    await expect.poll(() => calls).toBe(2);
    running.interrupt('SIGINT');
    expect((await running.result).err).toBe('Interrupted. 3 bytes were handed over, 5 more may have been.\n');
  });

  it('says that nothing was changed by a query', async () => {
    expect(await note(['ps'], {})).toBe('Interrupted. Nothing was changed.\n');
  });
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

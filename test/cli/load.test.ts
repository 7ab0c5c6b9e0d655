import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { begin, row } from './fake-host.js';
import { type Served, servedHere } from './process.js';

describe('supertree load', () => {
  let server: Served;
  const supertree = (...argv: string[]) => server.supertree(...argv);

  beforeAll(async () => {
    server = await servedHere();
  });

  afterAll(() => server.close());

  it('needs an agent for requests about one, and none for the list', async () => {
    const refused = await supertree('load', '--requests', '10');
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toMatch(/^AGENT_NOT_FOUND: /);
    expect(await supertree('load', '--requests', '10', '--operation', 'list')).toMatchObject({ code: 0, err: '' });
  });

  it.each(['status', 'list', 'echo'])(
    'sends the given number of %s requests, and prints their latencies',
    async (operation) => {
      await supertree('spawn', 'web', '--', 'sleep', '1000');
      const argv = ['load', '--clients', '4', '--requests', '200', '--depth', '3', '--operation', operation];
      const { code, out, err } = await supertree(...argv, '--json');
      expect({ code, err }).toEqual({ code: 0, err: '' });
      const measured = JSON.parse(out);
      expect(measured).toMatchObject({ operation, clients: 4, depth: 3, requests: 200, failed: 0 });
      const { p50, p90, p99, max } = measured.latency;
      expect([p50, p90, p99, max]).toEqual([p50, p90, p99, max].sort((a, b) => a - b));
      expect(p50).toBeGreaterThan(0);
      expect(measured.requestsPerSecond).toBeGreaterThan(0);
    },
  );

  it('draws a table, and no bar where there is no terminal', async () => {
    const { code, out, err } = await supertree('load', '--requests', '20', '--agent', 'web');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const [head, cells, ...more] = out.trimEnd().split('\n');
    expect(head?.trim().split(/ {2,}/)).toEqual([
      'OPERATION',
      'CLIENTS',
      'DEPTH',
      'REQUESTS',
      'FAILED',
      'SECONDS',
      'PER SECOND',
      'P50 MS',
      'P90 MS',
      'P99 MS',
      'MAX MS',
    ]);
    expect(cells?.trim().split(/ {2,}/).slice(0, 5)).toEqual(['status', '10', '1', '20', '0']);
    expect(more).toEqual([]);
  });

  it.each([
    ['table', []],
    ['document', ['--json']],
  ])('tells what was measured until it was interrupted, as a %s', async (_form, options) => {
    let answered = 0;
    const status = () => (answered++ < 6 ? row('root/web') : new Promise(() => undefined));
    const running = begin(['load', '--clients', '1', '--requests', '100', '--agent', 'web', ...options], {
      answers: { status },
    });
    await expect.poll(() => answered).toBe(7);
    running.interrupt('SIGINT');
    const { code, out, err } = await running.result;
    expect({ code, err }).toEqual({ code: 130, err: 'Interrupted. 5 of 100 requests were answered.\n' });
    if (options.length > 0) expect(JSON.parse(out)).toMatchObject({ requests: 5, failed: 0 });
    else expect(out.split('\n')[1]?.trim().split(/ {2,}/).slice(0, 5)).toEqual(['status', '1', '1', '5', '0']);
  });

  it('refuses an unknown agent, and invalid options', async () => {
    expect(await supertree('load', '--agent', 'nobody')).toMatchObject({ code: 1, out: '' });
    expect(await supertree('load', '--operation', 'stop')).toMatchObject({ code: 2, out: '' });
    expect(await supertree('load', '--clients', '0')).toMatchObject({ code: 2, out: '' });
  });
});

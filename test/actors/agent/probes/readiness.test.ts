import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type ReadinessOptions,
  type ReadinessWatch,
  watchReadiness,
} from '../../../../src/actors/agent/probes/readiness.js';
import { createOutput } from '../../../../src/actors/output/output.js';
import { systemClock } from '../../../../src/contract/clock.js';
import { environValue, isDefunct, listPids, readStat } from '../../../../src/drivers/proc/proc.js';
import type { Readiness } from '../../../../src/model/spec.js';
import { eventually } from '../../../contract/recorder.js';

const output = createOutput({ bytes: 1e6, lines: 1000, lineBytes: 65_536 }, systemClock);
const watches: ReadinessWatch[] = [];

function watch(readiness: Readiness, more: Partial<ReadinessOptions> = {}) {
  const outcome = { ready: 0, problems: [] as string[] };
  const watching = watchReadiness(
    { readiness, ports: {}, output, clock: systemClock, ...more },
    () => {
      outcome.ready += 1;
    },
    (problem) => outcome.problems.push(problem),
  );
  watches.push(watching);
  return { watching, outcome };
}

/** Longer than any interval in these tests. */
const later = () => new Promise((resolve) => setTimeout(resolve, 150));

const timeout = 10_000;

describe('readiness', () => {
  let server: Server | undefined;
  afterEach(async () => {
    for (const watching of watches.splice(0)) watching.cancel();
    if (server?.listening) await new Promise((resolve) => server?.close(resolve));
  });
  const listen = async () => {
    server = createServer((socket) => socket.on('error', () => {}).destroy()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server?.once('listening', resolve));
    return (server.address() as { port: number }).port;
  };

  it('none: is there at once, but never before the watch was returned', async () => {
    const { outcome } = watch({ type: 'none', minUptime: 0, timeout });
    expect(outcome.ready).toBe(0);
    await Promise.resolve();
    expect(outcome.ready).toBe(1);
  });

  it('none: waits for the time that it has to live', async () => {
    const { outcome } = watch({ type: 'none', minUptime: 30, timeout });
    await Promise.resolve();
    expect(outcome.ready).toBe(0);
    await eventually(() => outcome.ready === 1, 'readiness');
  });

  it('none: a cancelled watch stays silent, and may be cancelled again', async () => {
    const { watching, outcome } = watch({ type: 'none', minUptime: 0, timeout });
    watching.cancel();
    watching.cancel();
    await later();
    expect(outcome.ready).toBe(0);
  });

  it('port: is there when the leased port accepts', async () => {
    const port = await listen();
    await new Promise((resolve) => server?.close(resolve));
    const { outcome } = watch({ type: 'port', port: 'http', interval: 10, timeout }, { ports: { http: port } });
    await later();
    expect(outcome.ready).toBe(0);
    server = createServer().listen(port, '127.0.0.1');
    await eventually(() => outcome.ready === 1, 'readiness');
  });

  it('port: does not mistake a foreign process for the agent, and reports it once', async () => {
    const port = await listen();
    let ours: boolean | undefined = false;
    const { outcome } = watch(
      { type: 'port', port: 'http', interval: 10, timeout },
      { ports: { http: port }, ownsPort: () => ours },
    );
    await later();
    expect(outcome).toEqual({
      ready: 0,
      problems: [`port ${port} is answered by a process that is not of this agent`],
    });
    ours = undefined;
    await eventually(() => outcome.ready === 1, 'readiness');
  });

  it('port: leaves no socket and no timer when it is cancelled', async () => {
    const port = await listen();
    const { watching, outcome } = watch(
      { type: 'port', port: 'http', interval: 10, timeout },
      { ports: { http: port } },
    );
    watching.cancel();
    await later();
    expect(outcome.ready).toBe(0);
    expect(await new Promise((resolve) => server?.getConnections((_, count) => resolve(count)))).toBe(0);
  });

  it('log: is there with the first line that matches, of the stream that counts', async () => {
    const { outcome } = watch({ type: 'log', pattern: '^ready \\d+$', flags: '', stream: 'stderr', timeout });
    output.push('stdout', Buffer.from('ready 1\n'));
    output.push('stderr', Buffer.from('not ready\n'));
    await later();
    expect(outcome.ready).toBe(0);
    output.push('stderr', Buffer.from('ready 2\r\nready 3\n'));
    await eventually(() => outcome.ready > 0, 'readiness');
    expect(outcome.ready).toBe(1);
  });

  it('log: looks at the beginning of a long line only', async () => {
    const { outcome } = watch({ type: 'log', pattern: 'needle', flags: '', stream: 'both', timeout });
    output.push('stdout', Buffer.from(`${'x'.repeat(5000)}needle\n`));
    await later();
    expect(outcome.ready).toBe(0);
  });

  it('log: applies the flags of a pattern, from the beginning of each line', async () => {
    const { outcome } = watch({ type: 'log', pattern: '^READY', flags: 'gi', stream: 'both', timeout });
    output.push('stdout', Buffer.from('not yet\n'));
    output.push('stdout', Buffer.from('Ready\n'));
    await eventually(() => outcome.ready > 0, 'readiness');
  });

  it('log: says that a pattern is not one', async () => {
    const { outcome } = watch({ type: 'log', pattern: '(', flags: '', stream: 'both', timeout });
    await later();
    expect(outcome.problems).toHaveLength(1);
    expect(outcome.ready).toBe(0);
  });

  it('exec: is there when the command exits with 0; that it did not yet is no problem', async () => {
    const { outcome } = watch(
      { type: 'exec', command: ['sh', '-c', 'test "$GO" = yes'], interval: 10, timeout },
      { env: () => ({ PATH: process.env.PATH!, GO: 'yes', SUPERTREE_TOKEN: 'x' }) },
    );
    await eventually(() => outcome.ready === 1, 'readiness');
    const failing = watch({ type: 'exec', command: ['false'], interval: 10_000, timeout });
    await eventually(() => failing.watching.lastFailure !== '', 'a poll that fails');
    expect(failing.watching.lastFailure).toBe('probe false ended with code 1');
    expect(failing.outcome).toEqual({ ready: 0, problems: [] });
  });

  it('exec: says that a command does not exist', async () => {
    const { outcome } = watch({ type: 'exec', command: ['no-such-probe'], interval: 10, timeout });
    await eventually(() => outcome.problems.length > 0, 'the problem');
    expect(outcome.problems[0]).toMatch(/did not run.*ENOENT/);
  });

  it('exec: kills a run that takes too long, with its children, and tries again', async () => {
    const env = { PATH: process.env.PATH!, PROBE_MARK: `slow-${process.pid}` };
    const { watching, outcome } = watch(
      { type: 'exec', command: ['sh', '-c', 'sleep 300 & wait'], interval: 25, timeout },
      { env: () => env },
    );
    await eventually(() => watching.lastFailure !== '', 'the timeout');
    expect(watching.lastFailure).toMatch(/did not end within/);
    expect(outcome.problems).toEqual([]);
    watching.cancel();
    await eventually(() => marked(env.PROBE_MARK).length === 0, 'the end of all runs');
  });

  it('exec: leaves no process behind when it is cancelled in the middle of a run', async () => {
    const env = { PATH: process.env.PATH!, PROBE_MARK: `cancelled-${process.pid}` };
    const { watching, outcome } = watch(
      { type: 'exec', command: ['sh', '-c', 'sleep 300 & wait'], interval: 5000, timeout },
      { env: () => env },
    );
    await eventually(() => marked(env.PROBE_MARK).length === 2, 'the run');
    watching.cancel();
    await eventually(() => marked(env.PROBE_MARK).length === 0, 'the end of the run');
    expect(outcome).toEqual({ ready: 0, problems: [] });
  });

  it('notify: is there with the word, and with no other', () => {
    const { watching, outcome } = watch({ type: 'notify', timeout });
    watching.word('STATUS=soon');
    expect(outcome.ready).toBe(0);
    watching.word('READY=1');
    watching.word('READY=1');
    expect(outcome.ready).toBe(1);
  });
});

function marked(mark: string): number[] {
  return (listPids() ?? []).filter((pid) => {
    const stat = readStat(pid);
    return stat !== undefined && !isDefunct(stat) && environValue(pid, 'PROBE_MARK') === mark;
  });
}

import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/client/client.js';
import { MARK, processesMarked } from '../e2e/proc.js';
import { ask, launch, type Process, scratch, shell, until } from './process.js';

/** Reads nothing, for as long as it lives. */
const DEAF = ['sh', '-c', 'exec sleep 1000'];
/** Ends on SIGKILL only. */
const STUBBORN = ['sh', '-c', 'trap "" TERM; echo up; exec sleep 1000'];

const mark = `server-${process.pid}-${performance.now()}`;
const env = { [MARK]: mark };
const TREE = {
  children: [
    { id: 'echo', command: ['cat'], env },
    { id: 'deaf', command: DEAF, env },
    { id: 'stubborn', command: STUBBORN, env, readiness: { type: 'log', pattern: 'up' }, stop: { ask: 60_000 } },
    { id: 'worker', command: ['sleep', '1000'], env },
    { id: 'group', children: [{ id: 'worker', command: ['sleep', '1000'], env }] },
  ],
};

describe('the command line against a running server', () => {
  let place: Awaited<ReturnType<typeof scratch>>;
  let server: Process;
  const supertree = (...argv: string[]) => ask(argv, place.endpoint);
  const json = async (...argv: string[]) => JSON.parse((await supertree(...argv, '--json')).out);

  beforeAll(async () => {
    place = await scratch();
    const file = join(place.path, 'tree.json');
    await writeFile(file, JSON.stringify(TREE));
    server = launch(['serve', file], { endpoint: place.endpoint });
    await using client = await connect({ endpoint: place.endpoint, wait: 60_000 });
    await until(async () => (await client.agents()).every(({ state }) => state === 'running'));
  });

  afterAll(async () => {
    server.child.kill('SIGKILL');
    await server.finished;
    // What the server that was killed has left behind.
    for (const { pid } of processesMarked(mark)) process.kill(pid, 'SIGKILL');
    await place.remove();
  });

  it('lists agents, as a table, a tree and JSON', async () => {
    const rows = await json('ps');
    expect(rows).toHaveLength(5);
    expect((await supertree('ps')).out.trimEnd().split('\n')).toHaveLength(6);
    const tree = await supertree('tree');
    expect(tree).toMatchObject({ code: 0, err: '' });
    expect(tree.out).toMatch(/^├─ echo +running/m);
    expect(tree.out).toMatch(/^ {3}└─ worker +running/m);
    expect((await json('tree')).children.map(({ id }: { id: string }) => id)).toEqual(
      TREE.children.map(({ id }) => id),
    );
  });

  it('takes a path, an id that is unique, and a uuid, and refuses an id that is not', async () => {
    const { path, uuid } = await json('status', 'echo');
    expect(path).toBe('root/echo');
    expect((await json('status', 'root/echo')).uuid).toBe(uuid);
    expect((await json('status', uuid)).path).toBe(path);
    const ambiguous = await supertree('status', 'worker');
    expect(ambiguous).toMatchObject({ code: 1, out: '' });
    expect(ambiguous.err).toMatch(/^AGENT_AMBIGUOUS: .*root\/worker.*root\/group\/worker.*\n$/);
  });

  it('sends bytes and prints them back as they were', async () => {
    const input = Buffer.from([0xff, 0x00, 0x0a, 0xc3, 0x28, 0x0a]);
    expect((await supertree('send', 'echo', 'hello')).code).toBe(0);
    expect((await launch(['send', 'echo'], { endpoint: place.endpoint, input }).finished).code).toBe(0);
    await until(async () => (await json('logs', 'echo')).lines.length === 3);
    const dump = await shell('supertree logs echo | od -An -tx1 | tr -d " \\n"', place.endpoint);
    expect(dump.out).toBe(Buffer.concat([Buffer.from('hello\n'), input]).toString('hex'));
    const last = await json('logs', 'echo', '-n', '1');
    expect(last.lines).toMatchObject([{ seq: 2, bytes: Buffer.from([0xc3, 0x28, 0x0a]).toString('base64') }]);
  });

  it('streams megabytes of standard input through an agent without a loss', async () => {
    const size = 3_000_000;
    await supertree('spawn', 'counter', '--', 'wc', '-c');
    const sent = await launch(['send', 'counter', '--end'], {
      endpoint: place.endpoint,
      input: Buffer.alloc(size, 'x'),
    }).finished;
    expect(sent).toMatchObject({ code: 0, err: '' });
    await until(async () => (await supertree('logs', 'counter')).out.startsWith(`${size}\n`));
    expect((await supertree('stop', 'counter')).code).toBe(0);
  });

  it('is slowed down by an agent that does not read, and can be interrupted then', async () => {
    let taken = 0;
    const pieces = async function* () {
      for (; taken < 2_000; taken++) yield Buffer.alloc(10_000);
    };
    const sending = launch(['send', 'deaf'], {
      endpoint: place.endpoint,
      input: Readable.from(pieces(), { highWaterMark: 1 }),
    });
    // The kernel keeps 19 between the two. So it reads, which it does only once it is connected and has its handler.
    await until(() => taken > 22);
    expect(sending.child.exitCode).toBe(null);
    sending.child.kill('SIGINT');
    expect(await sending.finished).toMatchObject({ code: 130 });
    expect((await json('status', 'deaf')).state).toBe('running');
  });

  it('spawns, pauses, resumes, restarts, signals and stops for real', async () => {
    const argv = ['spawn', 'job', '--env', 'A=b', '--cwd', place.path, '--port', 'http', '--json'];
    const spawned = JSON.parse((await supertree(...argv, '--', 'sh', '-c', 'echo $A $PORT; pwd; exec sleep 1000')).out);
    expect(spawned).toMatchObject({ path: 'root/job', state: 'running', ports: { http: expect.any(Number) } });
    await until(async () => (await supertree('logs', 'job')).out === `b ${spawned.ports.http}\n${place.path}\n`);
    expect(await supertree('pause', 'job')).toMatchObject({
      code: 0,
      out: expect.stringContaining('root/job is paused'),
    });
    expect(stateOf(spawned.pid)).toBe('T');
    expect((await supertree('resume', 'job')).code).toBe(0);
    expect(['R', 'S']).toContain(stateOf(spawned.pid));
    const [{ row }] = await json('restart', 'job');
    expect(row).toMatchObject({ state: 'running', restarts: 1 });
    expect(() => stateOf(spawned.pid)).toThrow();
    expect(await supertree('signal', 'job', 'term')).toMatchObject({ code: 0, out: '' });
    expect(await supertree('stop', 'job')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^root\/job is stopped/),
    });
    const again = await supertree('spawn', 'job', '--', 'true');
    expect(again).toMatchObject({ code: 1, out: '' });
    expect(again.err).toMatch(/^ALREADY_(PRESENT|STARTED): .*\n$/m);
  });

  it('prints each failure, and carries out the other commands', async () => {
    const result = await supertree('restart', 'ghost', 'echo');
    expect(result.code).toBe(1);
    expect(result.out).toMatch(/^root\/echo is running, pid \d+\n$/);
    expect(result.err).toContain('AGENT_NOT_FOUND: There is no agent ghost. List the agents with `supertree ps`.\n');
    const failed = await supertree('spawn', 'nothing', '--', '/nonexistent/program');
    expect(failed).toMatchObject({ code: 1, out: '' });
    expect(failed.err).toMatch(/^START_FAILED: root\/nothing .*\/nonexistent\/program.*\n$/m);
  });

  it('leaves the command alone when the wait for it is interrupted', async () => {
    const stopping = launch(['stop', 'stubborn'], { endpoint: place.endpoint });
    await until(() => stopping.err().includes('root/stubborn stopping'));
    stopping.child.kill('SIGINT');
    const result = await stopping.finished;
    expect(result).toMatchObject({ code: 130, out: '' });
    expect(result.err).toMatch(/\nInterrupted\. The server goes on with stop; see `supertree ps`\.\n$/);
    expect((await json('status', 'stubborn')).state).toBe('stopping');
  });

  it('returns at acceptance with --no-wait', async () => {
    expect((await supertree('stop', 'stubborn', '--no-wait')).out).toMatch(/^root\/stubborn is stopping/);
    expect((await supertree('kill', 'stubborn')).out).toBe('root/stubborn is stopped\n');
  });

  it('ends quietly when the reader has seen enough', async () => {
    const result = await shell('set -o pipefail; supertree ps | head -n 1', place.endpoint);
    expect(result).toMatchObject({ code: 0, err: '' });
    expect(result.out).toMatch(/^PATH .*\n$/);
  });

  it('exits with 3 when the server is killed while it waits', async () => {
    expect((await supertree('start', 'stubborn')).code).toBe(0);
    const stop = launch(['stop', 'stubborn'], { endpoint: place.endpoint });
    await until(() => stop.err().includes('root/stubborn stopping'));
    server.child.kill('SIGKILL');
    const result = await stop.finished;
    expect(result).toMatchObject({ code: 3, out: '' });
    expect(result.err).toMatch(/^NO_SERVER: .*\n/m);
  });
});

function stateOf(pid: number): string {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.charAt(0) ?? '';
}

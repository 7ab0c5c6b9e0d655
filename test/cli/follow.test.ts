import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { printFollowed } from '../../src/cli/commands/follow.js';
import type { Host, Sink } from '../../src/cli/host.js';
import { connect, type LinkState, type LogItem } from '../../src/client/client.js';
import { SupertreeError } from '../../src/errors.js';
import type { StreamName } from '../../src/model/spec.js';
import { MARK, processesMarked } from '../e2e/proc.js';
import { begin as beginFake, row, supertree } from './fake-host.js';
import { ask, begin, launch, type Process, scratch, shell, until } from './process.js';

const mark = `follow-${process.pid}-${performance.now()}`;
const env = { [MARK]: mark };
const TREE = {
  children: [
    { id: 'cat', command: ['cat'], env },
    { id: 'both', command: ['sleep', '1000'], env },
    { id: 'group', children: [{ id: 'job', command: ['sleep', '1000'], env }] },
  ],
};

describe('followed output', () => {
  const print = async (items: readonly LogItem[], terminal = false) => {
    const output = { out: '', err: '' };
    const sink = (name: 'out' | 'err'): Sink => ({
      write: (data) => {
        output[name] += Buffer.from(data as Uint8Array).toString('latin1');
      },
      terminal,
      columns: 80,
    });
    const host: Pick<Host, 'out' | 'err'> = { out: sink('out'), err: sink('err') };
    const code = await printFollowed(host as Host, from(items), {});
    return { code, ...output };
  };
  const line = (stream: StreamName, text: string, bytes?: Uint8Array): LogItem => {
    return { type: 'line', seq: 0, stream, at: 0, text, ...(bytes && { bytes }) };
  };

  it('is printed byte for byte, with a newline only where the other stream cuts into a line', async () => {
    const items = [line('stdout', 'out'), line('stderr', 'err\n'), line('stdout', '?', Buffer.from([0xff]))];
    expect(await print(items)).toEqual({ code: 0, out: 'out\nerr\n\xff', err: '' });
    expect((await print([line('stdout', 'open')], true)).out).toBe('open\n');
  });

  it('notes lost lines and that the output starts again', async () => {
    const { out, err } = await print([{ type: 'dropped', lines: 3 }, { type: 'restarted' }, line('stdout', 'a\n')]);
    expect({ out, err }).toEqual({ out: 'a\n', err: '3 older lines are no longer kept.\nThe output starts again.\n' });
  });
});

describe('a server that is lost while it is followed', () => {
  const lines = async function* (gate: Promise<void>): AsyncGenerator<LogItem> {
    await gate;
    yield* [];
  };
  const status = (): never => {
    throw new SupertreeError('AGENT_NOT_FOUND', { agent: 'web' });
  };

  it('is reported on standard error, as is its return', async () => {
    const link = { state: 'connected' as LinkState, reconnections: 0 };
    const end = gate();
    const running = beginFake(['logs', 'web', '-f'], {
      link,
      logs: lines(end.promise),
      answers: { status: () => row('root/web') },
    });
    await expect.poll(() => running.endpoints.length).toBe(1);
    link.state = 'reconnecting';
    await expect.poll(running.err).toMatch(/^\S+ Connection lost: .*ipc:\/\/\/tmp\/fake.*\n$/);
    link.state = 'connected';
    await expect.poll(running.err).toMatch(/lost.*\n\d\d:\d\d:\d\d Connected again\.\n$/);
    // Gone and back between two looks.
    link.reconnections = 2;
    await expect.poll(running.err).toMatch(/(.*lost.*\n.*again\.\n){2}$/);
    end.resolve();
    expect((await running.result).code).toBe(0);
  });

  it('is not reported once the command is being ended, which closes the client', async () => {
    let looks = 0;
    const link = {
      get state(): LinkState {
        looks += 1;
        return looks === 1 ? 'connected' : 'disconnected';
      },
      reconnections: 0,
    };
    const end = gate();
    const running = beginFake(['logs', 'web', '-f'], {
      link,
      logs: lines(end.promise),
      answers: { status: () => row('root/web') },
    });
    await expect.poll(() => looks).toBeGreaterThan(1);
    end.resolve();
    await running.result;
    expect(running.err()).not.toContain('Connection lost');
  });

  it('is reported when it is frozen', async () => {
    let isFrozen = true;
    const health = () => (isFrozen ? Promise.reject(new SupertreeError('TIMEOUT', { what: 'health' })) : {});
    const setup = { answers: { health }, logs: lines(new Promise(() => undefined)) };
    const running = beginFake(['logs', 'web', '-f'], setup);
    await expect.poll(running.err).toMatch(/Connection lost/);
    isFrozen = false;
    await expect.poll(running.err).toMatch(/Connected again/);
    running.interrupt('SIGINT');
    expect((await running.result).code).toBe(130);
  });

  it('ends the following with 1 when it takes the key no more', async () => {
    const health = () => Promise.reject(new SupertreeError('KEY_REFUSED', { endpoint: 'tcp://x', reason: 'unknown' }));
    const setup = { answers: { health }, logs: lines(new Promise(() => undefined)) };
    const { code, err } = await supertree(['logs', 'web', '-f'], setup);
    expect(code).toBe(1);
    expect(err).toMatch(/^KEY_REFUSED: .*\n$/);
  });

  it('ends with 1 when it comes back without the agent, but with 0 when the agent is removed', async () => {
    const link = { state: 'connected' as LinkState, reconnections: 0 };
    const end = gate();
    const running = beginFake(['logs', 'web', '-f'], { link, logs: lines(end.promise), answers: { status } });
    await expect.poll(() => running.endpoints.length).toBe(1);
    link.reconnections = 1;
    end.resolve();
    const { code, err } = await running.result;
    expect(code).toBe(1);
    expect(err).toMatch(/^AGENT_NOT_FOUND: .*\n$/m);
    const removed = await supertree(['logs', 'web', '-f'], { logs: lines(Promise.resolve()), answers: { status } });
    expect(removed).toMatchObject({ code: 0, err: '' });
  });
});

/** A promise, and what resolves it. */
function gate(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

async function* from<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

describe('the commands that follow', () => {
  let place: Awaited<ReturnType<typeof scratch>>;
  let server: Process;
  const supertree = (...argv: string[]) => ask(argv, place.endpoint);
  const start = (...argv: string[]) => launch(argv, { endpoint: place.endpoint });
  const serve = async () => {
    server = start('serve', join(place.path, 'tree.json'));
    await using client = await connect({ endpoint: place.endpoint, wait: 60_000 });
    await until(async () => (await client.agents()).every(({ state }) => state === 'running'));
  };

  beforeAll(async () => {
    place = await scratch();
    await writeFile(join(place.path, 'tree.json'), JSON.stringify(TREE));
    await serve();
  });

  afterAll(async () => {
    server.child.kill('SIGTERM');
    await server.finished;
    // What the server that was killed has left behind.
    for (const { pid } of processesMarked(mark)) process.kill(pid, 'SIGKILL');
    await place.remove();
  });

  it('print earlier and new lines of an agent, until they are interrupted', async () => {
    await supertree('send', 'cat', 'one');
    const following = start('logs', 'cat', '-f');
    await until(() => following.out() === 'one\n');
    await supertree('send', 'cat', 'two');
    await until(() => following.out() === 'one\ntwo\n');
    following.child.kill('SIGINT');
    expect(await following.finished).toEqual({ code: 130, signal: null, out: 'one\ntwo\n', err: '' });
  });

  it('print one document a line, and begin at the given line', async () => {
    await supertree('send', 'cat', 'three');
    await until(async () => (await supertree('logs', 'cat')).out.endsWith('three\n'));
    const following = begin(['logs', 'cat', '-f', '--json', '-n', '1'], place.endpoint);
    await until(() => following.out() !== '');
    following.interrupt('SIGTERM');
    const { code, out } = await following.finished;
    expect(code).toBe(143);
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([{ type: 'line', stream: 'stdout', text: 'three\n' }]);
  });

  it('end when their reader has gone, and for an agent that does not exist', async () => {
    const writer = setInterval(() => void supertree('send', 'cat', 'more'), 200);
    const head = await shell('supertree logs cat -f | head -1', place.endpoint);
    clearInterval(writer);
    expect(head).toMatchObject({ code: 0, out: 'one\n' });
    const nobody = await supertree('logs', 'nobody', '-f');
    expect(nobody).toMatchObject({ code: 1, out: '' });
    expect(nobody.err).toMatch(/^AGENT_NOT_FOUND: .*\n$/);
  });

  it('print the state of everything, as a table and as JSON', async () => {
    const { code, out } = await supertree('events');
    expect(code).toBe(0);
    const [head, ...rows] = out.trimEnd().split('\n');
    expect(head).toMatch(/^PATH +STATE +PID/);
    expect(rows.slice(0, -1).map((row) => row.split(/ +/).slice(0, 2))).toEqual([
      ['root', 'running'],
      ['root/both', 'running'],
      ['root/cat', 'running'],
      ['root/group', 'running'],
      ['root/group/job', 'running'],
    ]);
    expect(rows.at(-1)).toMatch(/^after event \d+ of [0-9a-f-]{36}$/);
    const snapshot = JSON.parse((await supertree('events', '--json')).out);
    expect(snapshot.agents.map(({ path }: { path: string }) => path).sort()).toEqual([
      'root/both',
      'root/cat',
      'root/group/job',
    ]);
  });

  it('print every event, over a restart of the server', async () => {
    const text = begin(['events', '-f'], place.endpoint);
    const json = start('events', '-f', '--json');
    await until(() => text.err() !== '' && json.out() !== '');
    expect(text.err()).toBe('Following 3 agents below 2 supervisors.\n');
    await supertree('restart', 'job');
    await until(() => / root\/group\/job is running\n/.test(text.out()) && json.out().includes('"type":"ready"'));
    server.child.kill('SIGKILL');
    await server.finished;
    await serve();
    await until(() => /Connection lost.*\n.*Connected again/s.test(text.err()));
    await until(() => text.err().includes('The server was restarted.') && json.out().includes('"restarted"'));
    await supertree('stop', 'job');
    await until(() => / root\/group\/job is stopped\n/.test(text.out()));
    text.interrupt('SIGINT');
    json.child.kill('SIGINT');
    expect(await text.finished).toMatchObject({ code: 130 });
    const items = (await json.finished).out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(items[0]).toMatchObject({ type: 'snapshot', reason: 'start', missed: 0 });
    const ofJob = items.filter(({ path }) => path === 'root/group/job').map(({ event }) => event.type);
    expect(ofJob).toEqual(expect.arrayContaining(['exited', 'started', 'ready']));
    expect(text.out()).toMatch(/^\d\d:\d\d:\d\d\.\d{3} root\/group\/job is stopping$/m);
  });
});

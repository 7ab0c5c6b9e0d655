import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, connect } from '../../src/client/client.js';
import { fixture } from '../contract/recorder.js';
import { PROGRAM } from '../program.js';
import { isRoot } from '../security/other-user.js';
import { MARK, processesMarked, processFacts } from './proc.js';
import { sh } from './world.js';

/*
 * RLIMIT_NPROC counts the processes and threads of a user, and root has no such limit: the programs run as a user that nobody else is. The limit itself belongs
 * to each process: here it is set, and taken away, while they run.
 */

const USER = isRoot ? 100_000 + process.pid : process.geteuid!();

let directory: string;
let mark: string;
let client: Client | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'supertree-limit-'));
  chownSync(directory, USER, -1);
  mark = randomUUID();
});
afterEach(async () => {
  await client?.close();
  client = undefined;
  for (const { pid } of processesMarked(mark)) process.kill(pid, 'SIGKILL');
  rmSync(directory, { recursive: true });
});

function run([command, ...args]: readonly string[]): ChildProcess {
  const env = { PATH: process.env.PATH, HOME: directory, TMPDIR: directory, [MARK]: mark };
  return spawn(command!, args, { env, ...(isRoot && { uid: USER, gid: USER }) });
}

/** The most processes and threads of the user when this process makes another one; the hard limit if not given. Without privileges only its user sets it. */
function limit(pid: number, most: number | string = hardLimit(pid)): void {
  const identity = isRoot ? { uid: USER, gid: USER } : {};
  execFileSync('prlimit', ['--pid', String(pid), `--nproc=${most}:`], identity);
}

function hardLimit(pid: number): string {
  return /^Max processes +\d+ +(\w+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1] ?? '';
}

const REFUSED = 'the system allows no more processes; see ulimit -u and pids.max (EAGAIN)';

describe('a server whose user may have no more processes', () => {
  let server: ChildProcess;
  let out = '';
  let err = '';

  async function serve(children: readonly object[]): Promise<Client> {
    const file = join(directory, 'tree.json');
    const backoff = { initial: 200, max: 200 };
    writeFileSync(file, JSON.stringify({ maxRestarts: 1_000, backoff, children }));
    const endpoint = `ipc://${join(directory, 's.sock')}`;
    server = run([...PROGRAM, 'serve', file, '--endpoint', endpoint]);
    err = '';
    server.stderr!.on('data', (bytes) => {
      err += bytes;
    });
    out = '';
    server.stdout!.on('data', (bytes) => {
      out += bytes;
    });
    await expect.poll(() => existsSync(join(directory, 's.sock')), { timeout: 60_000 }).toBe(true);
    client = await connect({ endpoint, owner: USER, patience: 60_000 });
    const retry = setInterval(() => client!.reconnect(), 50);
    await expect
      .poll(
        () =>
          client!.tree().then(
            ({ status }) => status,
            () => '',
          ),
        { timeout: 60_000 },
      )
      .toBe('running');
    clearInterval(retry);
    return client;
  }

  const keeper = () => processesMarked(mark).find(({ pid }) => commandOf(pid).startsWith('supertree-keeper'))!.pid;
  const status = (agent: string) => client!.status(agent);
  const failure = async (agent: string) => {
    const { state, exit } = await status(agent);
    return `${state}: ${exit?.detail}`;
  };

  it('keeps what runs, says why nothing else starts, and starts it when there is room again', async () => {
    const probe = { type: 'exec', command: ['true'], period: 100, timeout: 10_000 };
    const one = sh('echo up; exec sleep 300');
    await serve([
      { id: 'calm', command: one },
      { id: 'ends', command: one },
      { id: 'probed', command: one, liveness: probe },
      { id: 'hooked', command: one, hooks: { beforeStart: ['true'] } },
    ]);
    await expect.poll(async () => (await status('probed')).health).toBe('healthy');
    const before = await status('calm');
    const kept = keeper();
    for (const pid of [server.pid!, kept]) limit(pid, 1);

    for (const agent of ['ends', 'hooked']) process.kill((await status(agent)).pid!, 'SIGKILL');
    await expect.poll(() => failure('ends')).toBe(`failed: ${REFUSED}`);
    await expect.poll(() => failure('hooked')).toContain(`its hook beforeStart did not start: ${REFUSED}`);
    await expect.poll(() => out).toContain(`probe true did not run: ${REFUSED}`);
    for (const again of [1, 2])
      await expect(client!.output('calm', { filter: `^u+p{${again},}$` })).rejects.toMatchObject({
        code: 'PROCESS_LIMIT',
      });
    await expect(client!.spawn({ id: 'new', command: ['true'] })).rejects.toThrow(REFUSED);

    for (const pid of [server.pid!, kept]) limit(pid);
    for (const agent of ['ends', 'hooked']) await expect.poll(async () => (await status(agent)).state).toBe('running');
    expect(await status('probed')).toMatchObject({ state: 'running', restarts: 0 });
    expect(await status('calm')).toMatchObject({ pid: before.pid, restarts: 0 });
    expect(keeper()).toBe(kept);
    server.kill('SIGTERM');
    const [code] = await once(server, 'close');
    expect({ code, left: processesMarked(mark) }).toEqual({ code: 0, left: [] });
    expect(err).toBe('');
  });
});

describe('a program whose user may have so many more processes and threads', () => {
  // The threads of other programs of this user would count as well.
  it.each(isRoot ? [0, 1, 2] : [0])(
    '%i: says that no keeper can be started, and starts one when the limit is raised',
    async (room) => {
      const program = run(fixture('starts-at-limit', String(room)));
      const lines = createInterface({ input: program.stdout! })[Symbol.asyncIterator]();
      const line = async () => (await lines.next()).value;
      expect(await line()).toMatch(
        /PROCESS_LIMIT: The system allows no more processes and threads: no keeper can be started. Raise the limit/,
      );
      expect(processesMarked(mark).map(({ pid }) => pid)).toEqual([program.pid]);
      limit(program.pid!);
      program.stdin!.write('\n');
      expect(await line()).toBe('running');
      program.stdin!.end();
      const [code] = await once(program, 'close');
      expect({ code, left: processesMarked(mark) }).toEqual({ code: 0, left: [] });
    },
  );
});

function commandOf(pid: number): string {
  return processFacts(pid) === undefined ? '' : readFileSync(`/proc/${pid}/cmdline`, 'latin1');
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { FromKeeper } from '../../../src/drivers/keeper/protocol/messages.js';
import { exists, PROGRAM, ProgramClient } from './program-client.js';

const FIXTURE = new URL('../../fixtures/holds-keeper.mjs', import.meta.url).pathname;

let client: ProgramClient | undefined;
const directory = mkdtempSync(join(tmpdir(), 'supertree-end-'));

afterEach(async () => {
  await client?.close();
  client = undefined;
});

afterAll(() => rmSync(directory, { recursive: true }));

/** The program above, in a process of its own, with an agent for each script. */
class Holder {
  readonly process: ChildProcess;
  readonly #lines: string[] = [];

  constructor(...scripts: string[]) {
    this.process = spawn(process.execPath, [FIXTURE, ...scripts], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    this.process.stdout!.on('data', (bytes) => {
      text += bytes;
      this.#lines.splice(0, this.#lines.length, ...text.split('\n').slice(0, -1));
    });
  }

  /** Resolves with the messages of the keeper when there are so many of a type. */
  async messages(type: FromKeeper['type'], count: number): Promise<{ type: string; pid: number; bytes: string }[]> {
    const found = () => this.#lines.map((line) => JSON.parse(line)).filter((message) => message.type === type);
    await expect.poll(found).toHaveLength(count);
    return found();
  }
}

describe('the end of the program above', () => {
  it('by SIGKILL ends all agents with all that they left, and then the keeper', async () => {
    const holder = new Holder(
      'echo $$; exec sleep 1000',
      '( env -i setsid sh -c "echo \\$\\$; exec sleep 1000" & ) ; exit 0',
      'trap "" TERM INT HUP; echo $$; while :; do sleep 0.1; done',
    );
    const [welcome] = await holder.messages('welcome', 1);
    const agents = (await holder.messages('output', 3)).map(({ bytes }) => Number(bytes));
    expect(agents.filter(exists)).toEqual(agents);
    holder.process.kill('SIGKILL');
    await expect.poll(() => [...agents, welcome!.pid].filter(exists)).toEqual([]);
  });

  it('ends the agents by their signals, the last one first', async () => {
    client = await ProgramClient.open();
    const log = join(directory, 'order');
    for (const agent of [1, 2, 3]) {
      const note = `trap 'sleep 0.1; echo ${agent} >> ${log}; exit' USR1`;
      client.start(agent, `${note}; echo up; while :; do sleep 0.05; done`, { signal: 10, ask: 60_000 });
    }
    while (client.all('output').length < 3) await client.arrival();
    expect(await client.close()).toBe(0);
    expect(readFileSync(log, 'utf8')).toBe('3\n2\n1\n');
  });

  it('asks all other agents at once after as long as one of them may take', async () => {
    client = await ProgramClient.open();
    const log = join(directory, 'asked');
    const waiting = `trap 'asked=yes; echo asked >> ${log}' USR1; echo up; until [ "$asked" ] && [ "$(grep -c asked ${log})" = 3 ]; do sleep 0.2; done; echo done >> ${log}`;
    const deaf = `trap '' USR1; echo up; while :; do sleep 1; done`;
    writeFileSync(log, '');
    for (const agent of [1, 2, 3]) client.start(agent, waiting, { signal: 10, ask: 5000 });
    // It is asked first, and takes as long as it may.
    client.start(4, deaf, { signal: 10, ask: 5000 });
    while (client.all('output').length < 4) await client.arrival();
    expect(await client.close()).toBe(0);
    expect(readFileSync(log, 'utf8')).toBe('asked\n'.repeat(3) + 'done\n'.repeat(3));
  });

  it('lets an agent write to its end, although nobody reads that', async () => {
    client = await ProgramClient.open({ acknowledges: false });
    const log = join(directory, 'written');
    client.start(1, `trap 'exit' USR1; yes | head -c 2000000; echo done > ${log}`, { signal: 18, ask: 60_000 });
    while (client.all('output').length < 3) await client.arrival();
    expect(await client.close()).toBe(0);
    expect(readFileSync(log, 'utf8')).toBe('done\n');
  });

  it('kills an agent that ignores its signal', async () => {
    client = await ProgramClient.open();
    client.start(1, 'trap "" TERM; echo up; while :; do sleep 0.05; done', { ask: 100 });
    const { pid } = await client.find('spawned', 1);
    await client.find('output', 1);
    expect(await client.close()).toBe(0);
    expect(exists(pid)).toBe(false);
  });

  it('before it has connected ends the keeper', async () => {
    const env = { ...process.env, XDG_RUNTIME_DIR: mkdtempSync(join(directory, 'runtime-')) };
    const keeper = spawn(process.execPath, [PROGRAM], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    keeper.stdin.end(`${JSON.stringify({ secret: '', tree: 'unheld', keep: null, native: true })}\n`);
    await expect.poll(() => keeper.exitCode).toBe(0);
    expect(readdirSync(env.XDG_RUNTIME_DIR)).toEqual([]);
  });
});

describe('the keeper', () => {
  it('ends its agents on SIGTERM and reports that, and no signal of a terminal moves it', async () => {
    client = await ProgramClient.open();
    client.start(1, 'exec sleep 1000');
    await client.find('spawned', 1);
    for (const signal of ['SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGTSTP', 'SIGUSR1', 'SIGUSR2'] as const)
      process.kill(client.pid, signal);
    client.start(2, 'exit 0');
    await client.gone(2);
    process.kill(client.pid, 'SIGTERM');
    expect((await client.find('exited', 1)).status).toBe(15);
    expect(await client.ended).toBe(0);
  });

  it('has a socket for its user alone, and refuses a wrong secret and a second program', async () => {
    client = await ProgramClient.open();
    expect(statSync(client.path).mode & 0o777).toBe(0o600);
    const refusal = (secret: string) =>
      new Promise<FromKeeper>((resolve) => {
        client!.connect(secret, resolve);
      });
    expect(await refusal('wrong')).toEqual({ type: 'problem', text: 'the secret is wrong' });
    expect(await refusal('secret')).toEqual({ type: 'problem', text: `process ${process.pid} is connected` });
    client.start(1, 'exit 0');
    await client.gone(1);
  });

  it('ends although somebody holds a connection open and says nothing', async () => {
    client = await ProgramClient.open();
    const silent = connect(client.path);
    await once(silent, 'data');
    expect(await client.close()).toBe(0);
    silent.destroy();
  });

  it('reports settings that are not JSON and ends with code 1', async () => {
    const keeper = spawn(process.execPath, [PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] });
    keeper.stdin.write('no settings\n');
    const [printed] = (await once(keeper.stdout, 'data')) as [Buffer];
    expect(JSON.parse(printed.toString()).problem).toMatch(/JSON/);
    await expect.poll(() => keeper.exitCode).toBe(1);
  });

  it.each(['', 'relative', '/no/such/directory', `/tmp/${'long'.repeat(30)}`])(
    'makes its socket elsewhere when XDG_RUNTIME_DIR is %j',
    async (parent) => {
      client = await ProgramClient.open({ prefix: ['env', `XDG_RUNTIME_DIR=${parent}`, 'TMPDIR=/dev/null'] });
      expect(client.path).toMatch(/^\/tmp\/supertree-keeper-\w{6}\/keeper.sock$/);
      const { path } = client;
      await client.close();
      expect(existsSync(dirname(path))).toBe(false);
    },
  );
});

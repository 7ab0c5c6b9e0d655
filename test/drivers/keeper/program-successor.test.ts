import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FromKeeper } from '../../../src/drivers/keeper/protocol/messages.js';
import { exists, ProgramClient } from './program-client.js';

let directory: string;
let client: ProgramClient;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'supertree-successor-'));
  client = await ProgramClient.open({ keep: join(directory, 'k.sock') });
});
afterEach(async () => {
  await client.close();
  rmSync(directory, { recursive: true });
});

/** The agents that the keeper hands over to another program: it forgets one some turns after its last process is gone. */
async function keptByNext(): Promise<FromKeeper[]> {
  await client.abandon();
  await client.succeed();
  return client.all('kept');
}

describe('a keeper that keeps', () => {
  it('hands its agents and the entries over to the next program', async () => {
    client.start(4, 'exec sleep 300');
    client.send({ type: 'remember', key: 'a', value: Buffer.from('1') });
    client.send({ type: 'remember', key: 'b', value: Buffer.from('2') });
    client.send({ type: 'forget', key: 'a' });
    const { pid, ticks, brand, at } = await client.find('spawned', 4);
    await client.abandon();
    await client.succeed();
    expect(client.messages.slice(1)).toEqual([
      { type: 'remembered', key: 'b', value: Buffer.from('2') },
      { type: 'kept', agent: 4, path: 'root/a4', incarnation: 1, token: 'token-4', pid, ticks, brand, at },
      { type: 'complete' },
    ]);
    client.send({ type: 'adopt', agent: 4 });
    client.send({ type: 'kill', agent: 4, after: 0 });
    expect(await client.find('exited', 4)).toMatchObject({ status: 9 });
  });

  it('replays all output, also what was printed while no program was there, and then each record once', async () => {
    client.send({ type: 'remember', key: 'k', value: Buffer.from('') });
    client.start(1, 'echo one; sleep 0.3; echo two; exit 7');
    await expect.poll(() => client.printed(1)).toBe('one\n');
    await client.abandon();
    await expect.poll(() => exists(client.all('spawned', 1)[0]!.pid)).toBe(false);
    await client.succeed();
    client.send({ type: 'adopt', agent: 1 });
    expect(await client.find('exited', 1)).toMatchObject({ status: 7 << 8, isEmpty: true });
    expect(client.history(1)).toEqual({ lost: 0, text: 'one\ntwo\n' });
    expect(client.all('output', 1)).toEqual([]);
    await expect.poll(keptByNext).toEqual([]);
  });

  it('keeps the records that a program did not acknowledge, however many programs come', async () => {
    await client.close();
    client = await ProgramClient.open({ keep: join(directory, 'k.sock'), acknowledges: false });
    client.start(1, 'exit 3');
    await client.find('exited', 1);
    await client.abandon();
    for (let program = 0; program < 3; program += 1) {
      await client.succeed();
      await client.abandon();
    }
    await client.succeed();
    client.send({ type: 'adopt', agent: 1 });
    expect(await client.find('exited', 1)).toMatchObject({ status: 3 << 8 });
  });

  it('goes on with live output after the history, and takes input', async () => {
    client.start(1, 'echo first; exec cat');
    await expect.poll(() => client.printed(1)).toBe('first\n');
    await client.abandon();
    await client.succeed();
    client.send({ type: 'adopt', agent: 1 });
    client.send({ type: 'input', agent: 1, bytes: Buffer.from('second\n') });
    await expect.poll(() => client.printed(1)).toBe('second\n');
    expect(client.history(1)).toEqual({ lost: 0, text: 'first\n' });
  });

  it('ends an agent that is discarded by its stop stages, without a record', async () => {
    client.send({ type: 'remember', key: 'k', value: Buffer.from('') });
    client.start(1, 'exec sleep 300');
    client.start(2, 'trap "" TERM; while :; do sleep 0.1; done', { ask: 100 });
    const pids = [(await client.find('spawned', 1)).pid, (await client.find('spawned', 2)).pid];
    await client.abandon();
    await client.succeed();
    for (const agent of [1, 2]) client.send({ type: 'discard', agent });
    await expect.poll(() => pids.filter(exists)).toEqual([]);
    await expect.poll(keptByNext).toEqual([]);
  });

  it('refuses a second program, and one with a wrong secret', async () => {
    client.start(1, 'exec sleep 300');
    const answers: FromKeeper[] = [];
    for (const secret of ['secret', 'wrong']) client.connect(secret, (message) => answers.push(message));
    await expect
      .poll(() => answers, { timeout: 10_000 })
      .toEqual([
        { type: 'problem', text: 'the secret is wrong' },
        { type: 'problem', text: `process ${process.pid} is connected` },
      ]);
  });

  it('lets a program wait that comes before it has seen the end of the one before', async () => {
    client.start(1, 'exec sleep 300');
    const { pid } = await client.find('spawned', 1);
    const early: FromKeeper[] = [];
    const successor = client.connect('secret', (message) => early.push(message));
    const refused: FromKeeper[] = [];
    client.connect('wrong', (message) => refused.push(message));
    await expect.poll(() => refused).toHaveLength(1); // so the first hello was read
    expect(early).toEqual([]);
    await client.abandon();
    client.socket = successor;
    await expect.poll(() => early.map(({ type }) => type)).toEqual(['welcome', 'kept', 'complete']);
    expect(early[1]).toMatchObject({ agent: 1, pid });
  });

  it('ends with its agents by SIGTERM, also while no program is there', async () => {
    client.start(1, 'exec sleep 300');
    const { pid } = await client.find('spawned', 1);
    await client.abandon();
    client.keeper.kill('SIGTERM');
    expect(await client.ended).toBe(0);
    expect(exists(pid)).toBe(false);
  });

  it('ends itself when nothing is left for a successor', async () => {
    await client.abandon();
    expect(await client.ended).toBe(0);
  });
});

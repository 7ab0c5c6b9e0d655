import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { endingOf } from '../../../src/drivers/keeper/wait-status.js';
import { childrenOf, readStat } from '../../../src/drivers/proc/proc.js';
import { type ClientOptions, exists, ProgramClient } from './program-client.js';

const clients: ProgramClient[] = [];

async function open(options?: ClientOptions): Promise<ProgramClient> {
  const client = await ProgramClient.open(options);
  clients.push(client);
  return client;
}

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

describe('the keeper', () => {
  it('names itself and its tree in ps', async () => {
    const { pid } = await open();
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toMatch(/^supertree-keeper: test\0/);
  });

  it('reports how an agent was spawned, what it printed and how it ended, numbered from 1', async () => {
    const client = await open();
    client.start(7, 'echo out; echo err >&2; exit 3');
    const exited = await client.find('exited', 7);
    expect(endingOf(exited.status)).toEqual({ code: 3, signal: null });
    expect(exited.isEmpty).toBe(true);
    expect(client.printed(7)).toBe('out\n');
    const records = client.messages.flatMap((message) => ('record' in message ? [message.record] : []));
    expect(records).toEqual(records.map((_, at) => at + 1));
    expect(client.messages.map(({ type }) => type).sort()).toEqual(
      ['closed', 'closed', 'complete', 'exited', 'output', 'output', 'spawned', 'welcome'].sort(),
    );
  });

  it('reports the errno of a program that does not exist', async () => {
    const client = await open();
    client.startCommand(1, ['no-such-program']);
    expect(await client.find('failed', 1)).toMatchObject({ record: 1, errno: 2 });
  });

  it('reports the status of a real-time signal', async () => {
    const client = await open();
    client.start(1, 'kill -36 $$');
    expect(endingOf((await client.find('exited', 1)).status).signal).toBe('SIGRTMIN+2');
  });

  it('passes input on, one chunk after another, and refuses what comes too early or too late', async () => {
    const client = await open();
    // It reads nothing before a signal, so the first chunk, which is larger than a pipe, cannot have been taken when the second one comes.
    client.start(1, 'trap : USR1; echo up; sleep 1000 & wait; kill $!; read first; cat >/dev/null; echo $first');
    while (!client.printed(1).includes('up')) await client.arrival();
    const chunk = Buffer.alloc(300_000, 'x\n');
    client.send({ type: 'input', agent: 1, bytes: chunk });
    client.send({ type: 'input', agent: 1, bytes: chunk });
    expect((await client.find('taken', 1)).errno).toBe(11);
    client.send({ type: 'signal', agent: 1, signal: constants.signals.SIGUSR1 });
    while (client.all('taken').length < 2) await client.arrival();
    expect(
      client
        .all('taken')
        .map(({ errno }) => errno)
        .sort(),
    ).toEqual([0, 11]);
    client.send({ type: 'endInput', agent: 1, after: 0 });
    await client.find('exited', 1);
    expect(client.printed(1)).toBe('up\nx\n');
  });

  it('refuses input for a program that has ended', async () => {
    const client = await open();
    client.start(1, 'sleep 1000 <&- >&- 2>&- & exit 0');
    await client.find('exited', 1);
    client.send({ type: 'input', agent: 1, bytes: Buffer.from('x') });
    expect((await client.find('taken', 1)).errno).toBe(32);
  });

  it('reads the readiness channel', async () => {
    const client = await open();
    client.start(1, 'echo READY=1 >&3; sleep 1000', { notify: true });
    const { stream, bytes } = await client.find('output', 1);
    expect([stream, Buffer.from(bytes).toString()]).toEqual([3, 'READY=1\n']);
  });

  it('signals the whole tree, or the process group alone', async () => {
    const client = await open();
    client.start(
      1,
      "trap 'echo main' USR1; setsid sh -c \"trap 'echo other' USR1; echo up; while :; do sleep 0.05; done\" & while :; do sleep 0.05; done",
    );
    while (!client.printed(1).includes('up')) await client.arrival();
    client.send({ type: 'signal', agent: 1, signal: 10 });
    while (!client.printed(1).includes('main')) await client.arrival();
    expect(client.printed(1)).toBe('up\nmain\n');
    client.send({ type: 'ask', agent: 1, signal: 10, after: 0 });
    while (!client.printed(1).includes('other')) await client.arrival();
    client.send({ type: 'kill', agent: 1, after: 0 });
    await client.gone(1);
  });

  it('stops and continues a family', async () => {
    const client = await open();
    client.start(1, 'for i in 1 2 3; do (setsid sleep 1000 &) ; sleep 1000 & done; echo up; wait');
    while (!client.printed(1).includes('up')) await client.arrival();
    client.send({ type: 'freeze', agent: 1, round: 5 });
    expect(await client.find('frozen', 1)).toMatchObject({ round: 5, problem: '' });
    const { pid } = await client.find('spawned', 1);
    const family = [...childrenOf(client.pid), ...childrenOf(pid)];
    expect(family).toHaveLength(7);
    expect(family.map((member) => readStat(member)?.state)).toEqual(family.map(() => 'T'));
    client.send({ type: 'thaw', agent: 1 });
    await expect.poll(() => family.map((member) => readStat(member)?.state)).toEqual(family.map(() => 'S'));
    client.send({ type: 'kill', agent: 1, after: 0 });
    await client.gone(1);
    expect(family.filter(exists)).toEqual([]);
  });

  it('refuses to freeze what does not run', async () => {
    const client = await open({ acknowledges: false });
    client.start(1, 'exit 0');
    await client.find('exited', 1);
    client.send({ type: 'freeze', agent: 1, round: 1 });
    expect((await client.find('frozen', 1)).problem).toBe('it is not running');
  });

  it('closes the output on request, although a process holds it open', async () => {
    const client = await open();
    client.start(1, 'sleep 1000 & exit 0');
    await client.find('exited', 1);
    expect(client.all('closed')).toEqual([]);
    client.send({ type: 'drain', agent: 1 });
    while (client.all('closed').length < 2) await client.arrival();
    client.send({ type: 'kill', agent: 1, after: 0 });
    await client.gone(1);
  });
});

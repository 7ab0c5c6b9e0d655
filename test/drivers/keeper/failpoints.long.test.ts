import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  FROM_KEEPER,
  type FromKeeper,
  TO_KEEPER,
  type ToKeeper,
} from '../../../src/drivers/keeper/protocol/messages.js';
import { environValue, listPids } from '../../../src/drivers/proc/proc.js';
import { eventually } from '../../contract/recorder.js';
import { Cut, exists, ProgramClient } from './program-client.js';

/* A program that ends right after each kind of message was sent, and right before each kind is read; another one then takes over. */

const COUNTS = 'n=0; while :; do n=$((n+1)); echo line $n; sleep 0.02; done';
const TERMINAL = { stdin: 'pty' } as const;

/** What has become of the agents, over all programs. */
class History {
  readonly pids = new Map<number, number>();
  /** By agent: the numbers of the records of its exit. */
  readonly exits = new Map<number, Set<number>>();
  note(message: FromKeeper): void {
    if (message.type === 'spawned' || (message.type === 'kept' && message.pid > 0)) {
      const { agent, pid } = message;
      expect(this.pids.get(agent) ?? pid, `agent ${agent} runs twice`).toBe(pid);
      this.pids.set(agent, pid);
    }
    if (message.type === 'exited' || message.type === 'failed')
      this.exits.set(message.agent, (this.exits.get(message.agent) ?? new Set()).add(message.record));
  }
}

/** Agents start, print, are paused, stop and end. */
async function first(client: ProgramClient): Promise<void> {
  client.start(1, COUNTS);
  client.start(2, 'exec cat', TERMINAL);
  client.start(3, 'echo bye; exit 7');
  client.start(4, 'setsid sleep 0.2 & exit 0');
  client.startCommand(5, ['/no/such/program']);
  for (const agent of [6, 7, 8]) client.start(agent, 'exec sleep 300');
  client.start(9, 'exec cat');
  client.send({ type: 'remember', key: 'kept', value: Buffer.from('1') });
  client.send({ type: 'remember', key: 'gone', value: Buffer.from('1') });
  client.send({ type: 'forget', key: 'gone' });
  for (const agent of [1, 2, 3, 4, 6, 7, 8, 9]) await client.find('spawned', agent);
  client.start(1, 'exit 0');
  await client.find('problem');
  client.send({ type: 'input', agent: 9, bytes: Buffer.from('input') });
  await client.find('taken', 9);
  client.send({ type: 'resize', agent: 2, columns: 90, rows: 20 });
  client.send({ type: 'freeze', agent: 6, round: 1 });
  await client.find('frozen', 6);
  client.send({ type: 'thaw', agent: 6 });
  client.send({ type: 'signal', agent: 6, signal: 18 });
  client.send({ type: 'ask', agent: 7, signal: 15, after: 0 });
  client.send({ type: 'kill', agent: 8, after: 0 });
  client.send({ type: 'endInput', agent: 9, after: 0 });
  client.send({ type: 'look' });
  client.send({ type: 'ping', round: 1 });
  await client.find('pong');
  for (const agent of [3, 4, 7, 8, 9]) await client.gone(agent);
  await client.find('failed', 5);
  client.send({ type: 'drain', agent: 6 });
  await client.find('closed', 6);
}

/** Another program takes over what runs, and wants one agent no more. */
async function second(client: ProgramClient): Promise<void> {
  await client.succeed();
  client.send({ type: 'discard', agent: 2 });
  for (const { agent } of client.all('kept')) if (agent !== 2) client.send({ type: 'adopt', agent });
  await client.find('history', 1);
  client.send({ type: 'end' });
}

async function ignoringCut(work: Promise<void>): Promise<void> {
  await work.catch((thrown) => {
    if (!(thrown instanceof Cut)) throw thrown;
  });
}

/** The last program: it adopts everything, and what it gets with what the others had is complete. */
async function last(client: ProgramClient, history: History, discards: boolean): Promise<void> {
  client.failpoint = (way, message) => {
    if (way === 'from') history.note(message as FromKeeper);
    return false;
  };
  await client.succeed();
  const kept = client.all('kept').map(({ agent }) => agent);
  for (const agent of kept) client.send({ type: 'adopt', agent });
  client.send({ type: 'ping', round: 2 });
  await client.find('pong');
  if (kept.includes(1)) await expectEveryLine(client);
  for (const agent of kept) client.send({ type: 'kill', agent, after: 0 });
  for (const agent of kept) if (history.pids.has(agent) && !(discards && agent === 2)) await client.gone(agent);
  await eventually(() => ![...history.pids.values()].some(exists), 'the end of all agents');
  for (const [agent, records] of history.exits) expect(records.size, `exits of agent ${agent}`).toBe(1);
  for (const agent of history.pids.keys())
    if (!(discards && agent === 2)) expect(history.exits.has(agent), `the exit of agent ${agent}`).toBe(true);
}

/** What the counter has printed over all programs is here, each line once. */
async function expectEveryLine(client: ProgramClient): Promise<void> {
  const text = () => client.history(1).text + client.printed(1);
  const began = text().length;
  await eventually(() => text().length > began, 'more lines');
  const lines = text().split('\n').slice(0, -1);
  expect(lines).toEqual(lines.map((_, at) => `line ${at + 1}`));
}

async function run(direction: 'to' | 'from', type: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'supertree-cut-'));
  const client = await ProgramClient.open({ keep: join(directory, 'k.sock') });
  // A keeper without agents and entries would end when the first message is lost.
  client.send({ type: 'remember', key: 'first', value: Buffer.from('1') });
  client.send({ type: 'ping', round: 0 });
  await client.find('pong');
  client.messages.length = 0;
  const history = new History();
  let isReached = false;
  let isDiscarded = false;
  client.failpoint = (way, message: ToKeeper | FromKeeper) => {
    if (way === 'from') history.note(message as FromKeeper);
    if (message.type === 'discard') isDiscarded = true;
    const isIt = !isReached && way === direction && message.type === type;
    isReached ||= isIt;
    return isIt;
  };
  try {
    await ignoringCut(first(client));
    if (!isReached) {
      await client.abandon();
      await ignoringCut(second(client));
    }
    expect(isReached, `${type} comes in none of the programs`).toBe(true);
    await client.whenCut();
    if (type !== 'end') await last(client, history, isDiscarded);
    await client.close();
    expect(client.keeper.exitCode).toBe(0);
    expect([...history.pids.values()].filter(exists)).toEqual([]);
    expect((listPids() ?? []).filter((pid) => environValue(pid, 'TMPDIR') === client.directory)).toEqual([]);
  } finally {
    client.keeper.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Those of the link: a program that is gone does not connect again. */
const OF_LINK: readonly string[] = ['link', 'linked', 'received'];
const typesOf = (table: object) => Object.keys(table).filter((type) => !OF_LINK.includes(type));

describe('agents of a program that ends, and are left to the next one,', () => {
  it.concurrent.each(typesOf(TO_KEEPER))('after it has sent %s', (type) => run('to', type));
  it.concurrent.each(typesOf(FROM_KEEPER))('before it reads %s', (type) => run('from', type));
});

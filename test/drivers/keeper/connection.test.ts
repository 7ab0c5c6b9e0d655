import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectToKeeper, KeeperConnection } from '../../../src/drivers/keeper/connection.js';
import { fromKeeper, GREETING, MessageReader, toKeeper } from '../../../src/drivers/keeper/protocol/codec.js';
import { KEEPER_DIRECTORY } from '../../../src/drivers/keeper/protocol/messages.js';

const MESSAGES = 300;
const texts = Array.from({ length: MESSAGES }, (_, at) => `${at}`);

/** A peer that welcomes a program, and answers a ping with all problems at once and its end. */
let keeper: Server;
let directory: string;
let connection: KeeperConnection;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'supertree-connection-'));
  const socket = join(directory, 'k.sock');
  const welcome = fromKeeper.encode({ type: 'welcome', pid: 1, isBranded: true, weakness: null });
  const problems = texts.map((text) => fromKeeper.encode({ type: 'problem', text }));
  keeper = createServer((program) => {
    program.on('error', () => {});
    const linked = fromKeeper.encode({ type: 'linked', received: 0 });
    const answers = {
      hello: () => program.write(Buffer.concat([linked, welcome, fromKeeper.encode({ type: 'complete' })])),
      ping: () => program.end(Buffer.concat(problems)),
    };
    program.write(GREETING);
    const reader = new MessageReader(toKeeper);
    program.on('data', (bytes) => {
      for (const { type } of reader.push(bytes)) if (type === 'hello' || type === 'ping') answers[type]();
    });
  });
  await new Promise<void>((resolve) => keeper.listen(socket, resolve));
  connection = await connectToKeeper({ socket, secret: 'secret' });
});
afterEach(() => {
  keeper.close();
  rmSync(directory, { recursive: true });
});

/** Resolves with what came when the connection is closed. Each message keeps the program busy for a millisecond. */
function received(busy: (came: readonly string[]) => void): Promise<{ came: string[]; turns: number }> {
  const came: string[] = [];
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  return new Promise((resolve) => {
    connection.listener = {
      record: () => true,
      pong: () => {},
      history: () => {},
      problem: (text) => {
        if (came.length === 0) count();
        came.push(text);
        for (const until = performance.now() + 1; performance.now() < until; );
        busy(came);
      },
      cut: (problem) => connection.giveUp(problem),
      closed: (problem) => {
        isOver = true;
        came.push(problem);
        resolve({ came, turns });
      },
    };
    connection.send({ type: 'ping', round: 1 });
  });
}

describe('a connection to a keeper', () => {
  it('handles many messages of one read in several turns of the event loop, in order, and then its end', async () => {
    const { came, turns } = await received(() => {});
    expect(came).toEqual([...texts, 'its connection was closed']);
    expect(turns).toBeGreaterThan(10);
  });

  it('passes on nothing more once it was given up between two of them', async () => {
    const { came } = await received(({ length }) => length === 50 && connection.giveUp('enough'));
    expect(came).toEqual([...texts.slice(0, 50), 'enough']);
  });

  it.each([
    ['is not there', () => {}],
    ['is below a loop of symbolic links', (parent: string) => symlinkSync('loop', parent)],
    ['is below a file', (parent: string) => writeFileSync(parent, '')],
  ])('cannot be made anew while the directory of the socket %s', async (_, prepare) => {
    const parent = join(directory, 'loop');
    prepare(parent);
    const address = { socket: join(parent, `${KEEPER_DIRECTORY}1`, 'k.sock'), secret: 'secret' };
    const lost = new KeeperConnection(address);
    await expect(lost.welcomed).rejects.toMatchObject({ code: 'KEEPER_UNAVAILABLE' });
    expect(await lost.reconnect()).toBe(false);
  });
});

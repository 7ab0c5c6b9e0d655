import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type OtherRelease, otherRelease } from './other-release.js';
import { isRunning, processFacts } from './proc.js';
import { identityOf, UpgradedServer } from './upgraded-server.js';

const POLL = { timeout: 30_000 };

let older: OtherRelease;
let newer: OtherRelease;
let server: UpgradedServer;

beforeAll(() => {
  older = otherRelease(4);
  newer = otherRelease(7);
});
afterAll(() => {
  older.dispose();
  newer.dispose();
});
beforeEach(() => {
  server = new UpgradedServer();
});
afterEach(() => server.dispose());

/** The tree is ended, and leaves nothing. */
async function expectEnd(sessions = [1, 1, 2]): Promise<void> {
  expect(server.sessions()).toEqual(sessions);
  expect(await server.terminate()).toBe(0);
  expect(server.processes()).toEqual([]);
}

describe('a server that follows one of another release', () => {
  it('has the agents of keepers of several versions', async () => {
    await server.begunBy(older);
    await server.start(undefined, newer);
    await server.client.restart('cat');
    await server.kill();
    await server.start();
    await server.client.restart('counter');
    const before = await server.parents();
    expect(new Set(before)).toEqual(new Set(server.keepers()));
    expect(server.keepers()).toHaveLength(3);
    await server.kill();
    await server.start(undefined, older);
    expect(await server.parents()).toEqual(before);
    await server.kill();
    await server.start();
    expect(await server.parents()).toEqual(before);
    await expectEnd();
  });

  it('has all agents once, however often it is killed while it takes over', async () => {
    const before = await server.begunBy(older);
    for (let time = 0; time < 12; time += 1) {
      server.begin();
      await new Promise((resolve) => setTimeout(resolve, time * 150));
      await server.kill();
    }
    await server.start();
    expect((await server.client.agents()).map(identityOf)).toEqual(before.map(identityOf));
    await expect.poll(() => server.keepers().length, POLL).toBe(2);
    await expectEnd();
  });

  it('restarts the agents of the other keeper when that is killed', async () => {
    const before = await server.begunBy(older);
    const [other] = server.keepers();
    await server.start();
    process.kill(other!, 'SIGKILL');
    await expect
      .poll(async () => (await server.client.agents()).map(({ state, restarts }) => [state, restarts]), POLL)
      .toEqual(before.map(() => ['running', 1]));
    expect(before.map(({ pid }) => isRunning(pid!))).toEqual([false, false, false]);
    expect(await server.parents()).toEqual(before.map(() => server.keepers()[0]));
    await expectEnd();
  });

  it('kills what the other keeper has left when that was killed with its server, and nothing else', async () => {
    await server.begunBy(older);
    const [other] = server.keepers();
    await server.start();
    await server.client.restart('cat');
    const [cat] = server.mains('root/cat');
    await server.kill();
    process.kill(other!, 'SIGKILL');
    await server.start();
    expect(server.mains('root/cat')).toEqual([cat]);
    expect(server.errors).toContain('an agent of an earlier server, whose keeper was killed as well, was killed');
    const [own] = server.keepers();
    expect(await server.parents()).toEqual([own, own, own]);
    await expectEnd();
  });

  it('ends agents that the tree has no more, and the keeper with the last of them', async () => {
    await server.begunBy(older);
    await server.start('[[children]]\nid = "cat"\ncommand = ["cat"]\n');
    expect(server.mains('root/cat').map((pid) => processFacts(pid)?.parent)).toEqual([server.keepers()[0]]);
    await server.client.restart('cat');
    await expect.poll(() => server.keepers().length, POLL).toBe(1);
    expect([...server.members('root/counter'), ...server.members('root/daemon')]).toEqual([]);
    await expectEnd([0, 1, 0]);
  });

  it('is refused by a keeper that has given this version up, or that is too old, which is named; its agents run on', async () => {
    for (const [version, problem] of [
      [9, 'it refused the connection: it speaks version 6 of the protocol, not 9 to 9'],
      [3, 'it broke the protocol: it speaks version 3 of the protocol, not 4 to 6'],
    ] as const) {
      const strange = otherRelease(version, version);
      const before = await server.begunBy(strange);
      const [keeper] = server.keepers();
      server.begin();
      expect(await server.exited()).toBe(1);
      expect(server.errors).toContain(`its keeper, process ${keeper}, cannot be taken over: ${problem}`);
      expect(before.map(({ pid }) => isRunning(pid!))).toEqual([true, true, true]);
      expect(server.keepers()).toEqual([keeper]);
      await server.start(undefined, strange);
      expect((await server.client.agents()).map(identityOf)).toEqual(before.map(identityOf));
      await expectEnd();
      strange.dispose();
    }
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { childrenOf, readStat } from '../../../src/drivers/proc/proc.js';
import { exists, ProgramClient } from './program-client.js';

const HOLDER = new URL('../../fixtures/holds-keeper.mjs', import.meta.url).pathname;

let client: ProgramClient;

/** One keeper for all tests, of which each has agents with numbers of its own, and ends them. */
beforeAll(async () => {
  client = await ProgramClient.open();
});
afterEach(() => {
  client.messages.length = 0;
});
afterAll(() => client.close());

describe('the keeper as the parent of orphans', () => {
  it('leaves nothing of 30 incarnations that each leave a daemon', async () => {
    for (let agent = 1; agent <= 30; agent += 1) {
      client.start(agent, '( setsid sleep 1000 & ) ; exit 0');
      await client.find('exited', agent);
      client.send({ type: 'kill', agent, after: 0 });
      await client.gone(agent);
    }
    expect(childrenOf(client.pid)).toEqual([]);
    expect(client.all('problem')).toEqual([]);
  });

  it('calls an agent gone when its last descendant has ended by itself, not before', async () => {
    client.start(111, '( setsid sleep 1000 & echo $! ) ; exit 0');
    expect((await client.find('exited', 111)).isEmpty).toBe(false);
    const [orphan] = childrenOf(client.pid);
    expect(client.all('gone')).toEqual([]);
    process.kill(orphan!, 'SIGKILL');
    await client.find('gone', 111);
    expect(childrenOf(client.pid)).toEqual([]);
  });

  it('knows a descendant in a session of its own without its environment', async () => {
    client.start(121, '( env -i setsid /bin/sleep 1000 & ) ; exit 0');
    client.start(122, '( env -i setsid /bin/sleep 1000 & ) ; exit 0');
    await client.find('exited', 121);
    await client.find('exited', 122);
    client.send({ type: 'kill', agent: 121, after: 0 });
    await client.gone(121);
    expect(childrenOf(client.pid)).toHaveLength(1);
    client.send({ type: 'kill', agent: 122, after: 0 });
    await client.gone(122);
    expect(client.all('problem')).toEqual([]);
  });

  it('knows a descendant without its brand by its session or its token', async () => {
    client.start(131, '( env -i prlimit --locks=5:5 sleep 1000 & ) ; exit 0');
    client.start(132, '( setsid prlimit --locks=5:5 sleep 1000 & ) ; exit 0');
    for (const agent of [131, 132]) {
      expect((await client.find('exited', agent)).isEmpty).toBe(false);
      client.send({ type: 'kill', agent, after: 0 });
      await client.gone(agent);
    }
  });

  it('reports an orphan that it cannot attribute, and kills it at its own end', async () => {
    const client = await ProgramClient.open();
    onTestFinished(async () => void (await client.close()));
    client.start(1, '( env -i setsid prlimit --locks=5:5 sleep 1000 & ) ; sleep 0.5; exit 0');
    await client.find('exited', 1);
    const pid = Number(/process (\d+) is an orphan/.exec((await client.find('problem')).text)?.[1]);
    expect(readStat(pid)?.name).toBe('sleep');
    await client.close();
    expect(exists(pid)).toBe(false);
  });

  it('reaps orphans that end by themselves, so that an agent which leaves them is gone', async () => {
    client.start(141, 'for i in 1 2 3 4 5; do (sleep 0.1 &) ; done; sleep 0.2; exit 1');
    await client.gone(141);
    expect(childrenOf(client.pid)).toEqual([]);
  });

  it('knows what an inner keeper leaves that was killed, by a brand that begins with its own', async () => {
    client.start(151, 'exit 0');
    await client.gone(151);
    client.startCommand(152, [process.execPath, HOLDER, '( env -i setsid /bin/sleep 1000 & ) ; exec sleep 1000']);
    while (!client.printed(152).includes('spawned')) await client.arrival();
    const [holder] = childrenOf(client.pid);
    const [inner] = childrenOf(holder!);
    const left = childrenOf(inner!);
    // Stopped first: it would end its agents between the death of its program and its own.
    process.kill(inner!, 'SIGSTOP');
    for (const pid of [holder, inner]) process.kill(pid!, 'SIGKILL');
    await client.find('exited', 152);
    await expect.poll(() => childrenOf(client.pid)).toEqual(expect.arrayContaining(left));
    client.send({ type: 'kill', agent: 152, after: 0 });
    await client.gone(152);
    expect(left.filter(exists)).toEqual([]);
    expect(client.all('problem')).toEqual([]);
  });

  it('kills a tree that forks on', async () => {
    client.start(161, 'f() { (setsid sh -c "sleep 0.01; sleep 0.01" &); }; while :; do f; done');
    await client.find('spawned', 161);
    await new Promise((resolve) => setTimeout(resolve, 300));
    client.send({ type: 'kill', agent: 161, after: 0 });
    await client.gone(161);
    expect(childrenOf(client.pid)).toEqual([]);
  });
});

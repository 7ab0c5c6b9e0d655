import { afterEach, describe, expect, it } from 'vitest';
import { childrenOf, readStat } from '../../../src/drivers/proc/proc.js';
import { exists, ProgramClient } from './program-client.js';

const HOLDER = new URL('../../fixtures/holds-keeper.mjs', import.meta.url).pathname;

let client: ProgramClient;

afterEach(() => client.close());

describe('the keeper as the parent of orphans', () => {
  it('leaves nothing of 200 incarnations that each leave a daemon', async () => {
    client = await ProgramClient.open();
    for (let agent = 1; agent <= 200; agent += 1) {
      client.start(agent, '( setsid sleep 1000 & ) ; exit 0');
      await client.find('exited', agent);
      client.send({ type: 'kill', agent, after: 0 });
      await client.gone(agent);
    }
    expect(childrenOf(client.pid)).toEqual([]);
    expect(client.all('problem')).toEqual([]);
  });

  it('calls an agent gone when its last descendant has ended by itself, not before', async () => {
    client = await ProgramClient.open();
    client.start(1, '( setsid sleep 1000 & echo $! ) ; exit 0');
    expect((await client.find('exited', 1)).isEmpty).toBe(false);
    const [orphan] = childrenOf(client.pid);
    expect(client.all('gone')).toEqual([]);
    process.kill(orphan!, 'SIGKILL');
    await client.find('gone', 1);
    expect(childrenOf(client.pid)).toEqual([]);
  });

  it('knows a descendant in a session of its own without its environment', async () => {
    client = await ProgramClient.open();
    client.start(1, '( env -i setsid /bin/sleep 1000 & ) ; exit 0');
    client.start(2, '( env -i setsid /bin/sleep 1000 & ) ; exit 0');
    await client.find('exited', 1);
    await client.find('exited', 2);
    client.send({ type: 'kill', agent: 1, after: 0 });
    await client.gone(1);
    expect(childrenOf(client.pid)).toHaveLength(1);
    client.send({ type: 'kill', agent: 2, after: 0 });
    await client.gone(2);
    expect(client.all('problem')).toEqual([]);
  });

  it('knows a descendant without its brand by its session or its token', async () => {
    client = await ProgramClient.open();
    client.start(1, '( env -i prlimit --locks=5:5 sleep 1000 & ) ; exit 0');
    client.start(2, '( setsid prlimit --locks=5:5 sleep 1000 & ) ; exit 0');
    for (const agent of [1, 2]) {
      expect((await client.find('exited', agent)).isEmpty).toBe(false);
      client.send({ type: 'kill', agent, after: 0 });
      await client.gone(agent);
    }
  });

  it('reports an orphan that it cannot attribute, and kills it at its own end', async () => {
    client = await ProgramClient.open();
    client.start(1, '( env -i setsid prlimit --locks=5:5 sleep 1000 & ) ; sleep 0.5; exit 0');
    await client.find('exited', 1);
    const pid = Number(/process (\d+) is an orphan/.exec((await client.find('problem')).text)?.[1]);
    expect(readStat(pid)?.name).toBe('sleep');
    await client.close();
    expect(exists(pid)).toBe(false);
  });

  it('reaps orphans that end by themselves, so that an agent which leaves them is gone', async () => {
    client = await ProgramClient.open();
    client.start(1, 'for i in 1 2 3 4 5; do (sleep 0.1 &) ; done; sleep 0.2; exit 1');
    await client.gone(1);
    expect(childrenOf(client.pid)).toEqual([]);
  });

  it('knows what an inner keeper leaves that was killed, by a brand that begins with its own', async () => {
    client = await ProgramClient.open();
    client.start(1, 'exit 0');
    await client.gone(1);
    client.startCommand(2, [process.execPath, HOLDER, '( env -i setsid /bin/sleep 1000 & ) ; exec sleep 1000']);
    while (!client.printed(2).includes('spawned')) await client.arrival();
    const [holder] = childrenOf(client.pid);
    const [inner] = childrenOf(holder!);
    const left = childrenOf(inner!);
    // Stopped first: it would end its agents between the death of its program and its own.
    process.kill(inner!, 'SIGSTOP');
    for (const pid of [holder, inner]) process.kill(pid!, 'SIGKILL');
    await client.find('exited', 2);
    await expect.poll(() => childrenOf(client.pid)).toEqual(expect.arrayContaining(left));
    client.send({ type: 'kill', agent: 2, after: 0 });
    await client.gone(2);
    expect(left.filter(exists)).toEqual([]);
    expect(client.all('problem')).toEqual([]);
  });

  it('kills a tree that forks on', async () => {
    client = await ProgramClient.open();
    client.start(1, 'f() { (setsid sh -c "sleep 0.01; sleep 0.01" &); }; while :; do f; done');
    await client.find('spawned', 1);
    await new Promise((resolve) => setTimeout(resolve, 300));
    client.send({ type: 'kill', agent: 1, after: 0 });
    await client.gone(1);
    expect(childrenOf(client.pid)).toEqual([]);
  });
});

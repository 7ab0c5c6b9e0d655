import { afterEach, describe, expect, it } from 'vitest';
import { ProgramClient, residentMemory } from './program-client.js';

let client: ProgramClient;

afterEach(() => client.close());

describe('the output of agents', () => {
  it('arrives whole and in order at a program that reads slowly', async () => {
    client = await ProgramClient.open();
    const line = 'x'.repeat(1000);
    client.start(1, `i=0; while [ $i -lt 1000 ]; do echo $i ${line}; i=$((i+1)); done`);
    for (let pause = 0; pause < 20; pause += 1) {
      client.socket.pause();
      await new Promise((resolve) => setTimeout(resolve, 20));
      client.socket.resume();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    while (client.all('closed', 1).length < 2) await client.arrival();
    const numbers = client
      .printed(1)
      .split('\n')
      .slice(0, -1)
      .map((text) => Number(text.split(' ')[0]));
    expect(numbers).toEqual(Array.from({ length: 1000 }, (_, at) => at));
  });

  it('of ten agents that print for ever needs little memory when nobody reads or acknowledges', async () => {
    client = await ProgramClient.open({ acknowledges: false });
    for (let agent = 1; agent <= 5; agent += 1) client.start(agent, 'exec yes');
    await expect.poll(() => client.all('output').length).toBeGreaterThan(5 * 3);
    client.socket.pause();
    for (let agent = 6; agent <= 10; agent += 1) client.start(agent, 'exec yes');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const before = residentMemory(client.pid);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(residentMemory(client.pid) - before).toBeLessThan(2_000_000);
    client.socket.resume();
    await client.find('spawned', 10);
    const bytes = client.all('output').reduce((sum, output) => sum + output.bytes.length, 0);
    expect(bytes).toBeLessThan(10 * 400_000);
  });

  it('delays neither the end of another agent nor the kill of the one that prints', async () => {
    client = await ProgramClient.open();
    for (let agent = 1; agent <= 5; agent += 1) client.start(agent, 'exec yes');
    client.start(6, 'exit 0');
    await client.gone(6);
    for (let agent = 1; agent <= 5; agent += 1) client.send({ type: 'kill', agent, after: 0 });
    for (let agent = 1; agent <= 5; agent += 1) await client.gone(agent);
  });
});

describe('a system without descriptors', () => {
  it('makes starts fail, and the agents that run are still signalled and reaped', async () => {
    client = await ProgramClient.open({ prefix: ['sh', '-c', 'ulimit -n 64; exec "$0" "$@"'] });
    const COUNT = 30;
    for (let agent = 1; agent <= COUNT; agent += 1) client.start(agent, '( setsid sleep 1000 & ) ; exec sleep 1000');
    const started = () => client.all('spawned').map(({ agent }) => agent);
    while (started().length + client.all('failed').length < COUNT) await client.arrival();
    expect(new Set(client.all('failed').map(({ errno }) => errno))).toEqual(new Set([24]));
    expect(started().length).toBeGreaterThan(5);
    const running = started();
    for (const agent of running) client.send({ type: 'kill', agent, after: 0 });
    for (const agent of running) await client.gone(agent);
    client.start(COUNT + 1, 'exit 0');
    await client.gone(COUNT + 1);
  });
});

import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { otherRelease } from './other-release.js';
import { processFacts } from './proc.js';
import { identityOf, UpgradedServer } from './upgraded-server.js';

const POLL = { timeout: 30_000 };

let server: UpgradedServer;
beforeEach(() => {
  server = new UpgradedServer();
});
afterEach(() => server.dispose());

describe('a server that follows one of another release', () => {
  it.each([
    ['an older', 4],
    ['a newer', 7],
  ])(
    'serves the agents below the keeper of %s one until they end, and starts the next below its own',
    async (_, version) => {
      const release = otherRelease(version);
      onTestFinished(() => release.dispose());
      const before = await server.begunBy(release);
      const [other] = server.keepers();
      await server.start();
      expect(server.errors).toContain(
        `process ${other} is a keeper of another release (version ${version}, not 6): its 3 agents run on below it`,
      );
      expect((await server.client.agents()).map(identityOf)).toEqual(before.map(identityOf));
      expect(await server.parents()).toEqual([other, other, other]);
      const { lines } = await server.client.logs('counter', { stream: 'stdout' });
      expect(lines.map(({ seq, text }) => [seq, text])).toEqual(lines.map((_, at) => [at, `line ${at + 1}\n`]));
      await server.client.send('cat', 'hello\n');
      await expect
        .poll(async () => (await server.client.logs('cat')).lines.map(({ text }) => text), POLL)
        .toEqual(['hello\n']);

      await server.client.restart('cat');
      const [, own] = await server.parents();
      expect(server.keepers()).toContain(own);
      expect(own).not.toBe(other);
      process.kill(server.mains('root/counter')[0]!, 'SIGKILL');
      await expect
        .poll(() => server.mains('root/counter').map((pid) => processFacts(pid)?.parent), POLL)
        .toEqual([own]);
      expect(await server.client.status('counter')).toMatchObject({
        restarts: 1,
        ports: before.find(({ path }) => path === 'root/counter')!.ports,
      });

      for (let time = 0; time < 2; time += 1) {
        await server.kill();
        await server.start();
        expect(await server.parents()).toEqual([own, own, other]);
        expect(server.sessions()).toEqual([1, 1, 2]); // with the daemon
        expect((await server.client.agents()).map(({ state }) => state)).toEqual(['running', 'running', 'running']);
      }
      expect(server.members('root/daemon')).toHaveLength(2);
      await server.client.stop('daemon');
      expect(server.members('root/daemon')).toEqual([]);
      await expect.poll(() => server.keepers(), POLL).toEqual([own]);
      expect(server.sockets()).toEqual(['keeper-6.sock']);
      await server.kill();
      await server.start();
      expect((await server.client.agents()).map(({ path, state }) => [path, state])).toEqual([
        ['root/counter', 'running'],
        ['root/cat', 'running'],
        ['root/daemon', 'stopped'],
      ]);
      expect(await server.terminate()).toBe(0);
      expect(server.processes()).toEqual([]);
      expect(server.sockets()).toEqual([]);
    },
  );
});

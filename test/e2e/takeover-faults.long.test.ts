import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OLDEST_VERSION } from '../../src/drivers/keeper/protocol/messages.js';
import { stateSocket } from '../../src/drivers/keeper/state-sockets.js';
import { KillableServer } from './killable-server.js';
import { isRunning } from './proc.js';

const TREE = `
[[children]]
id = "counter"
command = ["sh", "-c", "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.05; done"]
readiness = { type = "log", pattern = "line 1", timeout = 60000 }
[[children]]
id = "sleeper"
command = ["sleep", "300"]
stop = { ask = 500 }
`;

let server: KillableServer;
let secret: string;
let socket: string;
beforeEach(() => {
  server = new KillableServer();
  secret = join(server.directory, 'state/keeper.secret');
  socket = stateSocket(join(server.directory, 'state'));
});
afterEach(() => server.dispose());

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Starts a server with agents and kills it; resolves with the pids of the agents. */
async function orphaned(): Promise<(number | null)[]> {
  await server.start(TREE);
  const pids = (await server.client.agents()).map(({ pid }) => pid);
  await server.kill();
  return pids;
}

/** A server that should end by itself, and leave the agents alone; resolves with what it has written. */
async function refusedStart(pids: (number | null)[], prefix: readonly string[] = []): Promise<string> {
  server.begin(undefined, { prefix });
  expect(await server.exited()).toBe(1);
  expect(pids.map((pid) => isRunning(pid!))).toEqual(pids.map(() => true));
  return server.errors;
}

/** The next server has the agents, which no one has restarted, and all lines. */
async function expectTakenOver(pids: (number | null)[]): Promise<void> {
  await server.start();
  const agents = await server.client.agents();
  expect(agents.map(({ pid, restarts }) => ({ pid, restarts }))).toEqual(pids.map((pid) => ({ pid, restarts: 0 })));
  const { lines } = await server.client.logs('counter', { stream: 'stdout' });
  expect(lines.map(({ seq, text }) => [seq, text])).toEqual(lines.map((_, at) => [at, `line ${at + 1}\n`]));
  expect(await server.terminate()).toBe(0);
  expect(server.processes()).toEqual([]);
}

describe('a takeover', () => {
  it('goes on when keeper and server were stopped by SIGSTOP in its midst', async () => {
    const pids = await orphaned();
    const keeper = server.keeper()!;
    process.kill(keeper, 'SIGSTOP');
    server.begin();
    await pause(2500);
    process.kill(server.pid, 'SIGSTOP');
    process.kill(keeper, 'SIGCONT');
    await pause(2500);
    process.kill(server.pid, 'SIGCONT');
    await server.booted();
    await server.kill();
    await expectTakenOver(pids);
  });

  it.each(['while the server runs', 'when the server was killed'])(
    'reports that the socket of the keeper was deleted %s, and has the agents all the same',
    async (moment) => {
      await server.start(TREE);
      const pids = (await server.client.agents()).map(({ pid }) => pid);
      const keeper = server.keeper();
      if (moment === 'while the server runs') rmSync(socket);
      await server.kill();
      rmSync(socket, { force: true });
      await server.start();
      expect(server.errors).toContain(`the socket of the keeper, process ${keeper}, had been deleted; it listens anew`);
      expect(server.keeper()).toBe(keeper);
      expect(server.mains('root/sleeper')).toEqual([pids[1]]);
      await server.kill();
      await expectTakenOver(pids);
      expect(existsSync(socket)).toBe(false);
    },
  );

  it.runIf(process.getuid?.() === 0)(
    'is refused when the socket was deleted, by a server that does not see who listens, because its network namespace is another one',
    async () => {
      const pids = await orphaned();
      rmSync(socket);
      const errors = await refusedStart(pids, ['unshare', '--net']);
      expect(errors).toContain(`process ${server.keeper()} is a keeper that has such agents, and does not listen`);
      await expectTakenOver(pids);
    },
  );

  it('is refused with the pid of the keeper when the whole state directory was deleted', async () => {
    const pids = await orphaned();
    const keeper = server.keeper();
    rmSync(join(server.directory, 'state'), { recursive: true });
    const errors = await refusedStart(pids);
    expect(errors).toContain(
      `its keeper, process ${keeper}, cannot be taken over: it refused the connection: the secret is wrong`,
    );
    expect(errors).toContain(`\`kill ${keeper}\` ends it and them`);
    process.kill(keeper!, 'SIGTERM');
    await expect.poll(() => server.processes(), { timeout: 20_000 }).toEqual([]);
  });

  it('is refused, or succeeds, with few descriptors; then nothing is lost', async () => {
    const pids = await orphaned();
    for (const limit of [12, 20, 26]) {
      server.begin(undefined, { prefix: ['sh', '-c', `ulimit -n ${limit}; exec "$0" "$@"`] });
      await Promise.race([server.exited(), pause(5000)]);
      await server.kill();
      expect(pids.map((pid) => isRunning(pid!))).toEqual([true, true]);
    }
    await expectTakenOver(pids);
  });

  it.runIf(process.getuid?.() === 0)(
    'is refused with the reason in a directory that is read-only or full',
    async () => {
      const state = join(server.directory, 'state');
      execFileSync('mkdir', ['-m', '700', state]);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k,nr_inodes=8,mode=700', 'none', state]);
      try {
        const pids = await orphaned();
        execFileSync('mount', ['-o', 'remount,ro', state]);
        expect(await refusedStart(pids)).toMatch(/STATE_UNUSABLE: .*state.*(EROFS|read-only)/);
        execFileSync('mount', ['-o', 'remount,rw', state]);
        for (let file = 0; ; file += 1) {
          try {
            writeFileSync(join(state, `full${file}`), 'x');
          } catch {
            break;
          }
        }
        expect(await refusedStart(pids)).toMatch(/STATE_UNUSABLE: .*state.*ENOSPC/);
        execFileSync('sh', ['-c', `rm -f ${state}/full*`]);
        await expectTakenOver(pids);
      } finally {
        await server.kill();
        for (const pid of server.processes()) process.kill(pid, 'SIGKILL');
        execFileSync('umount', ['-l', state]);
      }
    },
  );

  it('is refused with a secret that is damaged, missing, wrong or of another user, and names the keeper', async () => {
    const pids = await orphaned();
    const right = readFileSync(secret);
    const pid = server.keeper();
    const named = `its keeper, process ${pid}, cannot be taken over: `;
    const rest = `Its agents run on; \`kill ${pid}\` ends it and them`;
    for (const damaged of ['', 'garbage\n', '0'.repeat(63)]) {
      writeFileSync(secret, damaged);
      expect(await refusedStart(pids)).toContain(`${named}${secret} is damaged`);
    }
    writeFileSync(secret, '0'.repeat(64));
    expect(await refusedStart(pids)).toContain(`${named}it refused the connection: the secret is wrong. ${rest}`);
    rmSync(secret);
    expect(await refusedStart(pids)).toContain(`${named}its secret, ${secret}, is missing. ${rest}`);
    writeFileSync(secret, right, { mode: 0o600 });
    if (process.getuid?.() === 0) {
      chownSync(secret, 65534, 65534);
      expect(await refusedStart(pids)).toContain(`other users may use ${secret}`);
      chownSync(secret, 0, 0);
    }
    await expectTakenOver(pids);
  });

  it('starts anew where the socket is a file of something else', async () => {
    await server.start(TREE);
    await server.terminate();
    writeFileSync(socket, 'garbage');
    await server.start();
    expect(statSync(socket).isSocket()).toBe(true);
    expect((await server.client.agents()).map(({ state }) => state)).toEqual(['running', 'running']);
  });

  it('is refused by a keeper whose version is not understood, which is named and left alone', async () => {
    await server.start(TREE);
    await server.terminate();
    const other = createServer((connection) => {
      connection.write(Uint8Array.of(OLDEST_VERSION - 1));
      connection.on('error', () => {}).resume();
    });
    await new Promise<void>((resolve) => other.listen(socket, resolve));
    const problem = `it broke the protocol: it speaks version ${OLDEST_VERSION - 1} of the protocol, not `;
    expect(await refusedStart([])).toContain(`its keeper, process ${process.pid}, cannot be taken over: ${problem}`);
    await new Promise((resolve) => other.close(resolve));
  });
});

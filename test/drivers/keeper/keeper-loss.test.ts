import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { systemClock } from '../../../src/contract/clock.js';
import type { Driver } from '../../../src/drivers/driver.js';
import { connectToKeeper } from '../../../src/drivers/keeper/connection.js';
import { createKeeperDriver } from '../../../src/drivers/keeper/keeper.js';
import { KeeperSession } from '../../../src/drivers/keeper/session.js';
import {
  commandLine,
  environValue,
  fileLockLimit,
  isDefunct,
  listPids,
  readStat,
} from '../../../src/drivers/proc/proc.js';
import type { AgentTemplate } from '../../../src/model/input.js';
import { begin, eventually, fixture, orderFor, type Recorder, script } from '../../contract/recorder.js';

const FOREVER: AgentTemplate = { command: ['sh', '-c', 'echo up; exec sleep 300'] };

function lives(pid: number): boolean {
  const stat = readStat(pid);
  return stat !== undefined && !isDefunct(stat);
}

/** The keeper of a running agent. */
function keeperOf(recorder: Recorder): number {
  return readStat(recorder.get('SPAWNED')!.pid!)!.parent;
}

describe('a keeper that is killed', () => {
  let driver: Driver;
  beforeEach(() => {
    driver = createKeeperDriver({ clock: systemClock });
  });
  afterEach(() => driver.close());

  it('takes its agents with it, which are reported as lost', async () => {
    const agents = [FOREVER, FOREVER].map((input) => begin(driver, orderFor(input)));
    for (const { recorder } of agents) await recorder.printed('up');
    const pids = agents.map(({ recorder }) => recorder.get('SPAWNED')!.pid!);
    const keeper = keeperOf(agents[0]!.recorder);
    process.kill(keeper, 'SIGKILL');
    for (const { recorder } of agents) {
      await recorder.ended();
      const detail = `its keeper, pid ${keeper}, is gone: it was ended by SIGKILL`;
      expect(recorder.types()).toEqual(['SPAWNED', 'EXITED']);
      expect(recorder.get('EXITED')).toMatchObject({ code: null, signal: null, detail, empty: true, drained: true });
    }
    expect(pids.filter(lives)).toEqual([]);
  });

  it('takes a child of any kind with it', async () => {
    const families = ['group', 'session', 'daemon', 'bare'].map((kind) => {
      const order = orderFor({ command: script('family', kind) });
      return { ...begin(driver, order), token: order.token };
    });
    await Promise.all(families.map(({ recorder }) => recorder.printed('child ')));
    process.kill(keeperOf(families[0]!.recorder), 'SIGKILL');
    for (const { recorder, token } of families) {
      await recorder.ended();
      const child = Number(/child (\d+)/.exec(recorder.text())![1]);
      expect([child, recorder.get('SPAWNED')!.pid!].filter(lives)).toEqual([]);
      expect((listPids() ?? []).filter((pid) => environValue(pid, 'SUPERTREE_TOKEN') === token)).toEqual([]);
    }
  });

  it('ends what an agent has left behind, after its exit was reported', async () => {
    const { recorder } = begin(driver, orderFor({ command: script('family', 'session', 'leave') }));
    await recorder.until('EXITED');
    const child = Number(/child (\d+)/.exec(recorder.text())![1]);
    process.kill(readStat(child)!.parent, 'SIGKILL');
    await recorder.ended();
    expect(recorder.types().filter((type) => type !== 'DRAINED')).toEqual(['SPAWNED', 'EXITED', 'GONE']);
    expect(lives(child)).toBe(false);
  });

  it('reports an agent as lost although another one cannot be killed, such as one of another user', async () => {
    const [held, free] = [FOREVER, FOREVER].map((input) => begin(driver, orderFor(input)));
    for (const { recorder } of [held!, free!]) await recorder.printed('up');
    const pid = held!.recorder.get('SPAWNED')!.pid!;
    const kill = process.kill.bind(process);
    const refusing = vi.spyOn(process, 'kill').mockImplementation((target, signal) => {
      if (target === pid) throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
      return kill(target, signal);
    });
    try {
      kill(keeperOf(free!.recorder), 'SIGKILL');
      await free!.recorder.ended();
      expect(held!.recorder.types()).toEqual(['SPAWNED']);
    } finally {
      refusing.mockRestore();
    }
    await held!.recorder.ended();
    expect(lives(pid)).toBe(false);
  });

  it('leaves the agents of another keeper alone, whose brands are the same', async () => {
    const other = createKeeperDriver({ clock: systemClock });
    try {
      const neighbour = begin(other, orderFor({ command: script('family', 'bare') }));
      await neighbour.recorder.printed('child ');
      const child = Number(/child (\d+)/.exec(neighbour.recorder.text())![1]);
      const { recorder } = begin(driver, orderFor(FOREVER));
      await recorder.printed('up');
      process.kill(keeperOf(recorder), 'SIGKILL');
      await recorder.ended();
      expect([child, neighbour.recorder.get('SPAWNED')!.pid!].filter((pid) => !lives(pid))).toEqual([]);
    } finally {
      await other.close();
    }
  });

  it('leaves another keeper alone that spawns an agent of the same brand, which it has itself meanwhile', async () => {
    const { recorder } = begin(driver, orderFor(FOREVER));
    await recorder.printed('up');
    const brand = fileLockLimit(recorder.get('SPAWNED')!.pid!);
    const script = `ulimit -S -x ${brand}; exec -a 'supertree-keeper: other' sleep 300`;
    const other = spawn('bash', ['-c', script], { stdio: 'ignore' });
    onTestFinished(() => void other.kill('SIGKILL'));
    await eventually(() => commandLine(readStat(other.pid!)!).startsWith('supertree-keeper'), 'the title');
    expect(fileLockLimit(other.pid!)).toBe(brand);
    process.kill(keeperOf(recorder), 'SIGKILL');
    await recorder.ended();
    expect(lives(other.pid!)).toBe(true);
  });

  it('is replaced at the next start', async () => {
    const first = begin(driver, orderFor(FOREVER));
    await first.recorder.printed('up');
    const keeper = keeperOf(first.recorder);
    process.kill(keeper, 'SIGKILL');
    await first.recorder.ended();
    const second = begin(driver, orderFor(FOREVER, 2));
    await second.recorder.printed('up');
    expect(keeperOf(second.recorder)).not.toBe(keeper);
  });

  it('settles what was asked of its agents, and reports a lost start as failed', async () => {
    const { body, recorder } = begin(driver, orderFor(FOREVER));
    await recorder.printed('up');
    const write = expect(body.write(Buffer.alloc(1_000_000))).rejects.toMatchObject({ code: 'STDIN_CLOSED' });
    process.kill(keeperOf(recorder), 'SIGSTOP');
    const late = begin(driver, orderFor(FOREVER));
    late.body.ask('SIGTERM');
    const later = begin(driver, orderFor(FOREVER));
    await new Promise((resolve) => setTimeout(resolve, 100));
    process.kill(keeperOf(recorder), 'SIGKILL');
    await Promise.all([recorder.ended(), late.recorder.ended(), later.recorder.ended()]);
    await write;
    expect(later.recorder.get('SPAWN_FAILED')?.detail).toMatch(/its keeper, pid \d+, is gone/);
    expect(late.recorder.types()).toEqual(['GONE']);
  });
});

describe('a keeper that is stopped for a while', () => {
  it('gives an agent the time to end that it would have had meanwhile', async () => {
    const driver = createKeeperDriver({ clock: systemClock });
    try {
      const script = 'trap "sleep 0.5; echo saved; exit 7" TERM; echo up; while :; do sleep 0.05; done';
      const { body, recorder } = begin(driver, orderFor({ command: ['sh', '-c', script] }));
      await recorder.printed('up');
      const keeper = keeperOf(recorder);
      process.kill(keeper, 'SIGSTOP');
      body.ask('SIGTERM');
      await new Promise((resolve) => setTimeout(resolve, 5000));
      body.kill();
      process.kill(keeper, 'SIGCONT');
      await recorder.ended();
      expect(recorder.get('EXITED')).toMatchObject({ code: 7, signal: null });
      expect(recorder.text()).toContain('saved');
    } finally {
      await driver.close();
    }
  });
});

describe('the directory of the socket', () => {
  let runtime: string;
  beforeAll(() => {
    runtime = mkdtempSync(join(tmpdir(), 'supertree-runtime-'));
  });
  beforeEach(() => vi.stubEnv('XDG_RUNTIME_DIR', runtime));
  afterEach(() => vi.unstubAllEnvs());
  afterAll(() => rmSync(runtime, { recursive: true }));

  it('is removed as soon as the program is connected, because later both may be killed', async () => {
    const driver = createKeeperDriver({ clock: systemClock });
    try {
      const { recorder } = begin(driver, orderFor(FOREVER));
      await recorder.until('SPAWNED');
      expect(readdirSync(runtime)).toEqual([]);
    } finally {
      await driver.close();
    }
  });
});

describe('a driver without a keeper', () => {
  const refusal = async (tree: string, program = fixture('broken-keeper')[1]!) => {
    const driver = createKeeperDriver({ clock: systemClock, tree, program });
    const { recorder } = begin(driver, orderFor(FOREVER));
    await recorder.ended();
    await driver.close();
    expect(recorder.types()).toEqual(['SPAWN_FAILED']);
    return recorder.get('SPAWN_FAILED')!.detail;
  };
  const unavailable = (problem: RegExp) =>
    new RegExp(
      `^KEEPER_UNAVAILABLE: No keeper can run .*: ${problem.source}.*Set the option \`driver\` to 'local'`,
      's',
    );

  it.each([
    ['exits', /it exited with code 1: TypeError: no such thing/],
    ['unready', /it wrote "not JSON\\n"/],
    ['another-version', /its program has the version \d+, not \d+: the package was replaced/],
    ['no-socket', /it wrote .*problem/],
    ['no-welcome', /it sent gone before its welcome/],
    ['refuses', /it refused the connection: the secret is wrong/],
  ])('reports why, and the remedy (%s)', async (tree, problem) => {
    expect(await refusal(tree)).toMatch(unavailable(problem));
  });

  it('reports a program that does not exist', async () => {
    expect(await refusal('root', '/no/such/program.js')).toMatch(
      unavailable(/it exited with code 1: Error: Cannot find/),
    );
  });

  it('gives a keeper up that breaks the protocol', async () => {
    expect(await refusal('garbage')).toMatch(/its keeper, pid \d+, is gone: it broke the protocol/);
  });

  it('starts none and closes at once when nothing was started', async () => {
    const driver = createKeeperDriver({ clock: systemClock, program: '/no/such/program.js' });
    await driver.close();
    const { recorder } = begin(driver, orderFor(FOREVER));
    await recorder.ended();
    expect(recorder.get('SPAWN_FAILED')?.detail).toBe('the driver is closed');
  });
});

describe('a keeper that does not answer', () => {
  it('is given up after a while, and left alone', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'supertree-silent-'));
    const socket = join(directory, 'k.sock');
    const silent = createServer((connection) => connection.on('error', () => {}).resume());
    await new Promise<void>((resolve) => silent.listen(socket, resolve));
    const refused = connectToKeeper({ socket, secret: 'secret' }, 50);
    await expect(refused).rejects.toThrow('it has not answered within 50 ms');
    await new Promise((resolve) => silent.close(resolve));
    rmSync(directory, { recursive: true });
  });
});

describe('an agent that is killed before its keeper runs', () => {
  it('is not handed to the keeper, which would never be told to forget it', async () => {
    const handed = vi.spyOn(KeeperSession.prototype, 'run');
    onTestFinished(() => handed.mockRestore());
    const driver = createKeeperDriver({ clock: systemClock });
    const early = begin(driver, orderFor(FOREVER));
    early.body.kill();
    await early.recorder.ended();
    const { recorder } = begin(driver, orderFor(FOREVER));
    await recorder.printed('up');
    expect(handed).toHaveBeenCalledTimes(1);
    await driver.close();
  });
});

describe('the end of a driver', () => {
  it('ends its keeper, also one that is just being launched, and leaves no directory', async () => {
    const ours = mkdtempSync(join(process.env.XDG_RUNTIME_DIR!, 'k'));
    vi.stubEnv('XDG_RUNTIME_DIR', ours);
    onTestFinished(() => {
      vi.unstubAllEnvs();
      rmSync(ours, { recursive: true });
    });
    const directories = () => readdirSync(ours);
    const driver = createKeeperDriver({ clock: systemClock });
    const { recorder } = begin(driver, orderFor(FOREVER));
    await recorder.printed('up');
    const keeper = keeperOf(recorder);
    await driver.close();
    expect(existsSync(`/proc/${keeper}`)).toBe(false);
    const early = createKeeperDriver({ clock: systemClock });
    const { body } = begin(early, orderFor(FOREVER));
    body.kill();
    await early.close();
    expect(directories()).toEqual([]);
  });
});

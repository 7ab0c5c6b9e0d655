import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPorts, type PortOptions } from '../../../src/actors/ports/ports.js';
import { createTree } from '../../../src/actors/tree.js';
import { systemClock } from '../../../src/contract/clock.js';
import type { ReportBody } from '../../../src/model/report.js';
import { fixture } from '../../contract/recorder.js';
import { portRange } from '../../ports.js';
import { runAsOther } from '../../security/other-user.js';

const http = [{ name: 'http', preferred: null }];

/** The ports of as many trees, all from one range. */
function neighbours(trees: number, options: PortOptions = {}) {
  const base = portRange(300);
  const reports: ReportBody[] = [];
  const make = () => createPorts({ base, count: 300, ...options }, systemClock, (_, body) => reports.push(body));
  return { base, trees: Array.from({ length: trees }, make), reports };
}

const opened: ChildProcess[] = [];
const before = process.env.XDG_RUNTIME_DIR;
let runtime: string;

beforeEach(async () => {
  runtime = await mkdtemp(join(tmpdir(), 'supertree-test-'));
  process.env.XDG_RUNTIME_DIR = runtime;
});

afterEach(async () => {
  for (const child of opened.splice(0)) await end(child);
  if (before === undefined) delete process.env.XDG_RUNTIME_DIR;
  else process.env.XDG_RUNTIME_DIR = before;
  await rm(runtime, { recursive: true, force: true });
});

/** The claims that are there. */
const claimed = () => readdir(join(runtime, 'supertree'));

/** A program of another user (of this one where this is not root) that takes the abstract names of all these ports. */
async function squat(from: number, count: number): Promise<void> {
  const code = `
    const { createServer } = require('node:net');
    let left = ${count};
    for (let port = ${from}; port < ${from + count}; port++)
      createServer().listen('\\0supertree-port-' + port, () => --left === 0 && console.log('up'));
  `;
  const child = runAsOther([process.execPath, '-e', code]);
  opened.push(child);
  await once(child.stdout!, 'data');
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Another program that leases ports of this range; resolves with what it got. */
async function program(from: number, count: number): Promise<{ child: ChildProcess; ports: number[] }> {
  const [node, ...args] = fixture('leases-ports', from, count);
  const child = spawn(node!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  opened.push(child);
  const [line] = await once(child.stdout, 'data');
  return { child, ports: JSON.parse(String(line)) };
}

describe('two trees on one machine', () => {
  it('never lease the same port in one program, however many they lease at once', async () => {
    const { trees, reports } = neighbours(2);
    const all = await Promise.all(
      Array.from({ length: 300 }, (_, i) => trees[i % 2]!.lease(`root/a${i}`, 1, http).then((ports) => ports.http)),
    );
    expect(new Set(all).size).toBe(300);
    expect(reports).toEqual([]);
  });

  it('give a port from one to the other when its lease ends', async () => {
    const { trees, base: first } = neighbours(2);
    const [one, other] = trees as [(typeof trees)[0], (typeof trees)[0]];
    const wanted = [{ name: 'http', preferred: first + 7 }];
    expect(await one.lease('root/a', 1, wanted)).toEqual({ http: first + 7 });
    expect(await other.lease('root/a', 1, wanted)).toEqual({ http: first });
    one.release('root/a', 1, true);
    expect(await other.lease('root/b', 1, [{ name: 'http', preferred: first + 8 }])).toEqual({ http: first + 8 });
    const again = async () => {
      other.release('root/c', 1, true);
      return (await other.lease('root/c', 1, wanted)).http;
    };
    await expect.poll(again).toBe(first + 7);
  });

  it('leave a port alone that the other one holds back after an unclean end', async () => {
    const { trees, base: first } = neighbours(2, { count: 1, quarantine: 3_600_000 });
    const [one, other] = trees as [(typeof trees)[0], (typeof trees)[0]];
    await one.lease('root/a', 1, http);
    one.release('root/a', 1, false);
    await expect(other.lease('root/a', 1, http)).rejects.toMatchObject({ code: 'PORTS_EXHAUSTED' });
    expect(await one.lease('root/a', 2, http)).toEqual({ http: first });
    one.release('root/a', 2, true);
    const again = () => other.lease('root/a', 1, http).catch(() => null);
    await expect.poll(again).toEqual({ http: first });
  });

  it('never lease the same port in two programs; a killed program holds none', async () => {
    const { trees, base: first, reports } = neighbours(1);
    const { child, ports } = await program(first, 20);
    expect(new Set(ports).size).toBe(20);
    const wanted = [{ name: 'http', preferred: ports[0]! }];
    let asked = 0;
    const mine = async () => {
      asked += 1;
      return (await trees[0]!.lease(`root/a${asked}`, 1, wanted)).http;
    };
    expect(ports).not.toContain(await mine());
    await end(child);
    await expect.poll(mine).toBe(ports[0]);
    expect(reports).toEqual([]);
  });

  it('do not keep their program alive, not even when a lease is held', async () => {
    const { child } = await program(neighbours(0).base, 3);
    child.stdin?.end();
    const [code] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode];
    expect(code).toBe(0);
  });
});

describe('names that anybody can take', () => {
  it('never prevent the use of a port, and such ports are skipped while there are others', async () => {
    const { trees, base: first, reports } = neighbours(1, { count: 8 });
    await squat(first, 6);
    const lease = async (id: number) => (await trees[0]!.lease(`root/a${id}`, 1, http)).http;
    expect([await lease(1), await lease(2)].sort()).toEqual([first + 6, first + 7]);
    const rest = await Promise.all([3, 4, 5, 6, 7, 8].map(lease));
    expect(rest.sort()).toEqual([0, 1, 2, 3, 4, 5].map((offset) => first + offset));
    expect(reports).toEqual([]);
  });

  it('are not asked for all of a large range', async () => {
    const { trees, base: first } = neighbours(1);
    await squat(first, 300);
    const { http: port } = await trees[0]!.lease('root/a', 1, http);
    expect(port).toBeGreaterThanOrEqual(first);
    expect(port).toBeLessThan(first + 300);
  });
});

describe('the files of claims', () => {
  it('are gone when the leases have ended, and those of a killed program when another one claims', async () => {
    const { trees, base: first } = neighbours(1);
    const { child } = await program(first, 3);
    expect(await claimed()).toHaveLength(3);
    await end(child);
    expect(await claimed()).toHaveLength(3);
    await trees[0]!.lease('root/a', 1, [{ name: 'http', preferred: first + 20 }]);
    await expect.poll(claimed, { timeout: 10_000 }).toHaveLength(1);
    trees[0]!.release('root/a', 1, true);
    expect(await claimed()).toEqual([]);
  });

  it('are gone when a program ends by itself with leases, and in their quarantine', async () => {
    const { child } = await program(neighbours(0).base, 3);
    child.stdin?.end();
    if (child.exitCode === null) await once(child, 'exit');
    expect(await claimed()).toEqual([]);
  });

  it('in an unsafe directory stop agents with ports, with what is wrong and what to do, and no others', async () => {
    await mkdir(join(runtime, 'elsewhere'));
    await symlink(join(runtime, 'elsewhere'), join(runtime, 'supertree'));
    const command = ['sleep', '1000'];
    await using tree = createTree({ children: [{ id: 'plain', command }] });
    await tree.start();
    expect(tree.agent('plain').view().state).toBe('running');
    await expect(tree.supervisor('root').add({ id: 'web', command, ports: ['http'] })).rejects.toMatchObject({
      code: 'START_FAILED',
      message: expect.stringMatching(
        /Ports cannot be claimed in \S+: it is a symbolic link\. Remove it, or set XDG_RUNTIME_DIR/,
      ),
    });
    expect(tree.agent('plain').view().state).toBe('running');
  });
});

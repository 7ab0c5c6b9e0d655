import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { createMonitor } from '../../../src/actors/usage/monitor.js';
import { readProcesses } from '../../../src/actors/usage/processes.js';
import { systemClock } from '../../../src/contract/clock.js';
import { readStat } from '../../../src/drivers/proc/proc.js';

describe('monitor of real processes', () => {
  const children: ChildProcess[] = [];
  afterEach(async () => {
    for (const child of children.splice(0)) await end(child);
  });

  async function end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  function run(script: string): number {
    const child = spawn('sh', ['-c', script], { stdio: 'ignore' });
    children.push(child);
    return child.pid!;
  }

  function ofPids(trees: Record<string, number[]>) {
    return createMonitor({
      clock: systemClock,
      membersOf: (path) => trees[path] ?? [],
      onProblem: (problem) => {
        throw problem;
      },
    });
  }

  it('distinguishes busy from idle processes, in the first sample and the next', async () => {
    const monitor = ofPids({ busy: [run('while :; do :; done')], idle: [run('exec sleep 300')] });
    await sleep(400);
    for (const _ of ['first', 'next']) {
      const usages = await monitor.sample(['busy', 'idle']);
      expect(usages.get('busy')!.cpu).toBeGreaterThan(usages.get('idle')!.cpu);
      expect(usages.get('busy')!.cpu).toBeGreaterThan(0);
      expect(usages.get('idle')!.memory).toBeGreaterThan(0);
      await sleep(400);
    }
    monitor.close();
  });

  it('takes vanished processes for no error, one or many', async () => {
    const [first, second, alive] = [run('exec sleep 300'), run('exec sleep 300'), run('exec sleep 300')];
    const monitor = ofPids({ one: [first!], two: [second!], alive: [alive!] });
    await monitor.sample(['one', 'two', 'alive']);
    await end(children[0]!);
    expect(await monitor.sample(['one'])).toEqual(new Map());
    await end(children[1]!);
    expect([...(await monitor.sample(['one', 'two', 'alive'])).keys()]).toEqual(['alive']);
    expect(await readProcesses([first!])).toEqual(new Map());
    monitor.close();
  });

  it('counts the cpu time of a child that has ended', async () => {
    const pid = run('(ulimit -t 1; while :; do :; done); exec sleep 300');
    const monitor = ofPids({ a: [pid] });
    await expect.poll(() => readStat(pid)?.name, { timeout: 60_000 }).toBe('sleep');
    const times = (await readProcesses([pid])).get(pid)!;
    expect(times.childTime).toBeGreaterThan(750);
    expect(times.ctime).toBeLessThan(500);
    expect((await monitor.sample(['a'])).get('a')!.cpu).toBeGreaterThan((100 * times.ctime) / times.elapsed);
    monitor.close();
  }, 70_000);

  it('closes the descriptors of /proc after the last sample', async () => {
    const monitor = ofPids({ a: [run('exec sleep 300')] });
    await monitor.sample(['a']);
    expect(openStats()).toBeGreaterThan(0);
    await expect.poll(openStats, { timeout: 20_000, interval: 200 }).toBe(0);
    monitor.close();
  });

  it('acts on a real process that grows over its limit', async () => {
    const trees = { a: [run('exec sleep 300')] };
    const passed = new Promise<unknown[]>((resolve) => {
      const options = {
        clock: systemClock,
        period: 50,
        membersOf: () => trees.a,
        onProblem: (problem: unknown) => resolve([problem]),
      };
      const monitor = createMonitor(options);
      monitor.watch('a', { memory: { max: 1, action: 'stop' }, cpu: null }, (...call) => {
        monitor.close();
        resolve(call);
      });
    });
    expect(await passed).toEqual([
      'a',
      { resource: 'memory', value: expect.any(Number), max: 1, measure: 'pss', action: 'stop' },
    ]);
  });
});

/** How many /proc/PID/stat files this process holds open. */
function openStats(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return /^\/proc\/\d+\/stat$/.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false;
    }
  }).length;
}

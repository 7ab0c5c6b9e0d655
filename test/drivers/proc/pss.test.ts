import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isDefunct, readStat } from '../../../src/drivers/proc/proc.js';
import { readPss } from '../../../src/drivers/proc/pss.js';
import { eventually } from '../../contract/recorder.js';
import { PYTHON } from '../../program.js';

const NOBODY = 2 ** 30;

describe('the PSS of real processes', () => {
  const children: ChildProcess[] = [];

  function run(...command: string[]): ChildProcess {
    const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'ignore'] });
    children.push(child);
    return child;
  }

  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (!child.kill('SIGKILL')) continue;
      await once(child, 'exit');
    }
  });

  it('is at most their RSS, of many at once', async () => {
    const pids = Array.from({ length: 20 }, () => run('sleep', '300').pid!);
    await eventually(() => pids.every((pid) => readStat(pid)?.name === 'sleep'), 'all run sleep');
    const sizes = await readPss(pids);
    expect([...sizes.keys()].sort((a, b) => a - b)).toEqual([...pids].sort((a, b) => a - b));
    for (const [pid, size] of sizes) {
      expect(size).toBeGreaterThan(0);
      expect(size).toBeLessThanOrEqual(1024 * Number(/^VmRSS:\s+(\d+)/m.exec(status(pid))![1]));
    }
  });

  it('is 0 for a process that has ended, whether its parent has waited for it or not', async () => {
    const parent = run(
      PYTHON,
      '-c',
      'import os,time\npid=os.fork()\nif pid==0: os._exit(0)\nprint(pid,flush=True)\ntime.sleep(300)',
    );
    const [line] = await once(parent.stdout!, 'data');
    const pid = Number(line);
    await eventually(() => isDefunct(readStat(pid)!), 'the child is defunct');
    expect(await readPss([pid, NOBODY])).toEqual(
      new Map([
        [pid, 0],
        [NOBODY, 0],
      ]),
    );
  });
});

function status(pid: number): string {
  return readFileSync(`/proc/${pid}/status`, 'utf8');
}

describe('PSS that cannot be read', () => {
  let proc = '';
  beforeEach(() => {
    proc = mkdtempSync(join(tmpdir(), 'proc-'));
  });
  afterEach(() => rmSync(proc, { recursive: true }));

  /** A process of a directory like /proc. If `text` is not given, its file cannot be read, by root either. */
  function add(pid: number | 'self', text?: string): void {
    const file = join(proc, String(pid), 'smaps_rollup');
    mkdirSync(text === undefined ? file : join(file, '..'), { recursive: true });
    if (text !== undefined) writeFileSync(file, text);
  }

  const ROLLUP = '1000-2000 ---p 00000000 00:00 0    [rollup]\nRss:   9 kB\nPss:   7 kB\nPss_Dirty:  1 kB\n';

  it('is left out for that process alone', async () => {
    add(1, ROLLUP);
    add(2);
    expect(await readPss([1, 2], proc)).toEqual(new Map([[1, 7_168]]));
  });

  it('is left out where the file does not have the figure', async () => {
    add(1, 'Rss:  9 kB\n');
    expect(await readPss([1], proc)).toEqual(new Map());
  });

  it('is left out for all of a kernel without these files', async () => {
    mkdirSync(join(proc, '1'));
    expect(await readPss([1, 2], proc)).toEqual(new Map());
  });

  it('is 0 for a vanished process of a kernel with these files', async () => {
    add('self', ROLLUP);
    expect(await readPss([1], proc)).toEqual(new Map([[1, 0]]));
  });

  it('is left out while a read does not return, and read again afterwards', async () => {
    add('self', ROLLUP);
    add(1, ROLLUP);
    mkdirSync(join(proc, '2'));
    const pipe = join(proc, '2', 'smaps_rollup');
    execFileSync('mkfifo', [pipe]);
    const writer = openSync(pipe, 'r+');
    try {
      expect(await readPss([2, 1], proc)).toEqual(new Map([[1, 7_168]]));
      expect(await readPss([1, 2], proc)).toEqual(new Map([[1, 7_168]]));
    } finally {
      writeSync(writer, ROLLUP);
    }
    await expect
      .poll(async () => {
        const sizes = await readPss([2, 1], proc);
        if (!sizes.has(2)) writeSync(writer, ROLLUP);
        return sizes.size;
      })
      .toBe(2);
    closeSync(writer);
  });

  it('is left out for all when each thread waits for a read, which leaves one for other files', async () => {
    add('self', ROLLUP);
    add(9, ROLLUP);
    const stuck = [1, 2, 3, 4];
    const writers = stuck.map((pid) => {
      mkdirSync(join(proc, String(pid)));
      const pipe = join(proc, String(pid), 'smaps_rollup');
      execFileSync('mkfifo', [pipe]);
      return openSync(pipe, 'r+');
    });
    try {
      expect(await readPss([...stuck, 9], proc)).toEqual(new Map());
      expect(await readPss([9], proc)).toEqual(new Map());
      expect(await readFile(join(proc, '9', 'smaps_rollup'), 'utf8')).toBe(ROLLUP);
    } finally {
      for (const writer of writers) writeSync(writer, ROLLUP);
    }
    await expect.poll(() => readPss([9], proc)).toEqual(new Map([[9, 7_168]]));
    for (const writer of writers) closeSync(writer);
  });

  it('is not left out when the program was stopped for longer than a read may take', async () => {
    add(1, ROLLUP);
    const reading = readPss([1], proc);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_500);
    expect(await reading).toEqual(new Map([[1, 7_168]]));
  });
});

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/contract/clock.js';
import type { Driver } from '../../../src/drivers/driver.js';
import { createKeeperDriver } from '../../../src/drivers/keeper/keeper.js';
import { readStat } from '../../../src/drivers/proc/proc.js';
import { begin, eventually, orderFor } from '../../contract/recorder.js';
import { COUNTS, expectEveryLine, liveThroughCut, takeOverThroughCut } from './cut-scenario.js';
import { CutSockets } from './cut-sockets.js';
import { exists } from './program-client.js';

/* Each kind of message is in cuts.long.test.ts. */

describe('agents of a program whose connection to the keeper is cut', () => {
  it.each([
    { direction: 'to', type: 'start', part: 'half' },
    { direction: 'to', type: 'ask', part: 'whole' },
    { direction: 'from', type: 'spawned', part: 'whole' },
    { direction: 'from', type: 'output', part: 'half' },
  ] as const)('at a $part $type ($direction) run on, and none is doubled or lost', (cut) => liveThroughCut(cut));

  it('are taken over all the same', () => takeOverThroughCut({ direction: 'from', type: 'history', part: 'half' }));
});

describe('a connection that is cut', () => {
  let runtime: string;
  let sockets: CutSockets;
  let driver: Driver;
  beforeEach(() => {
    runtime = mkdtempSync(join(process.env.XDG_RUNTIME_DIR!, 'k'));
    vi.stubEnv('XDG_RUNTIME_DIR', runtime);
    sockets = new CutSockets();
    driver = createKeeperDriver({ clock: systemClock });
  });
  afterEach(async () => {
    sockets.restore();
    await driver.close();
    vi.unstubAllEnvs();
    rmSync(runtime, { recursive: true });
  });

  const counting = async () => {
    const { body, recorder } = begin(driver, orderFor({ command: ['sh', '-c', COUNTS] }));
    await recorder.printed('line 2\n');
    return { body, recorder, keeper: readStat(recorder.get('SPAWNED')!.pid!)!.parent };
  };

  it('fifty times is made anew each time, by the same keeper, and leaves no directory', async () => {
    const { recorder, keeper } = await counting();
    const others: number[] = [];
    for (let round = 0; round < 50; round += 1) {
      sockets.cut();
      const other = begin(driver, orderFor({ command: ['sh', '-c', 'echo bye; exit 7'] })).recorder;
      await other.ended();
      expect(other.get('EXITED')).toMatchObject({ code: 7, detail: '' });
      expect(other.text()).toBe('bye\n');
      others.push(other.get('SPAWNED')!.pid!);
    }
    expect(new Set(others).size).toBe(50);
    await expectEveryLine(() => recorder.text());
    expect(recorder.types()).toEqual(['SPAWNED']);
    expect(exists(keeper)).toBe(true);
    await eventually(() => readdirSync(runtime).length === 0, 'the end of the directory');
  });

  it('is not made anew by a keeper that is killed meanwhile: its agents are lost', async () => {
    const { recorder, keeper } = await counting();
    process.kill(keeper, 'SIGSTOP');
    sockets.cut();
    const late = begin(driver, orderFor({ command: ['sleep', '300'] })).recorder;
    process.kill(keeper, 'SIGKILL');
    await Promise.all([recorder.ended(), late.ended()]);
    expect(recorder.get('EXITED')?.detail).toBe(`its keeper, pid ${keeper}, is gone: it was ended by SIGKILL`);
    expect(late.types()).toEqual(['SPAWN_FAILED']);
  });

  it('is made anew by a keeper that was stopped meanwhile', async () => {
    const { body, recorder, keeper } = await counting();
    process.kill(keeper, 'SIGSTOP');
    sockets.cut();
    body.ask('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 100));
    process.kill(keeper, 'SIGCONT');
    await recorder.ended();
    expect(recorder.get('EXITED')).toMatchObject({ signal: 'SIGTERM', detail: '' });
  });
});

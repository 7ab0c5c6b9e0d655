import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { fixture } from '../contract/recorder.js';
import { PYTHON } from '../program.js';
import { valuesOfOther } from '../security/other-user.js';
import { IMMEDIATE_RESTARTS, SHORT_ASK, shareKeeper, started } from './world.js';

shareKeeper();

const PROGRAM = new URL('../fixtures/shares-memory.py', import.meta.url).pathname;
const PERIOD = 50;

/** An agent whose seven processes share 64 MiB: their resident sizes add up to seven times as much. */
function sharing(max: number) {
  return { id: 'a', command: [PYTHON, PROGRAM, '64'], limits: { memory: { max } }, stop: SHORT_ASK };
}

/** What an ordinary user measures of an agent, and the detail of its exit above a limit. */
function measuredByUser(...command: string[]): Promise<unknown[]> {
  return valuesOfOther(fixture('measures-agent', ...command));
}

describe('memory that the processes of an agent share', () => {
  it('counts once: an agent of 64 MiB is not restarted for a limit of 200 MB', async () => {
    const w = await started({ ...IMMEDIATE_RESTARTS, children: [sharing(200e6)] }, { samplePeriod: PERIOD });
    await w.printed('a', 'up');
    for (let sample = 0; sample < 5; sample++) {
      const usage = (await w.tree.usage()).get('root/a');
      expect(usage).toMatchObject({ measure: 'pss' });
      expect(usage!.memory).toBeGreaterThan(64e6);
      expect(usage!.memory).toBeLessThan(200e6);
      await sleep(2 * PERIOD);
    }
    expect(w.view('a')).toMatchObject({ incarnation: 1, state: 'running' });
    w.expectTrueStates();
  });

  it('counts: it is restarted for a limit of 50 MB, and its exit says how it was measured', async () => {
    const w = await started({ ...IMMEDIATE_RESTARTS, children: [sharing(50e6)] }, { samplePeriod: PERIOD });
    const limit = await w.reported('limit', 'root/a');
    expect(limit).toMatchObject({ resource: 'memory', max: 50e6, measure: 'pss', action: 'restart' });
    await w.reported('exited', 'root/a');
    const [exit] = w.exits('root/a');
    expect(exit).toMatchObject({ cause: 'memory-limit', detail: `${limit.value} of 50000000 bytes (PSS)` });
    w.expectTrueStates();
  });
});

describe('memory that an ordinary user may not look at', () => {
  const measured = (measure: 'pss' | 'rss') => [
    expect.objectContaining({ measure, memory: expect.any(Number) }),
    expect.stringMatching(new RegExp(`^[1-9]\\d+ of 1 bytes \\(${measure.toUpperCase()}\\)$`)),
  ];

  it('counts as RSS, and the usage and the exit record say so', async () => {
    const program = new URL('../fixtures/undumpable.py', import.meta.url).pathname;
    expect(await measuredByUser(PYTHON, program)).toEqual(measured('rss'));
  });

  it('counts as PSS for a process of the same user', async () => {
    expect(await measuredByUser('sh', '-c', 'echo up; exec sleep 600')).toEqual(measured('pss'));
  });
});

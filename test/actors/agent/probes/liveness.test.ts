import { describe, expect, it } from 'vitest';
import { watchByProbe, watchForSilence } from '../../../../src/actors/agent/probes/liveness.js';
import type { ProbeResult } from '../../../../src/actors/agent/probes/probe.js';
import { TimingWheel } from '../../../../src/actors/timing-wheel.js';
import type { HeardLiveness } from '../../../../src/model/spec.js';
import { createVirtualClock } from '../../../../src/testing/index.js';

function rig(isResumed = false) {
  const clock = createVirtualClock();
  const results: string[] = [];
  const listener = {
    passed: () => results.push(`passed at ${clock.now()}`),
    failed: (problem: string) => results.push(`failed at ${clock.now()}: ${problem}`),
    unknown: (problem: string) => results.push(`unknown at ${clock.now()}: ${problem}`),
  };
  const wheel = new TimingWheel(clock, (thrown) => results.push(String(thrown)));
  return { clock, results, options: { wheel, now: clock.now, isResumed, listener } };
}

const TIMES = { initialDelay: 64, period: 128, timeout: 40, failures: 3 };

/** A probe that is answered by hand. */
function manualProbe() {
  const runs: ((result: ProbeResult) => void)[] = [];
  let cancelled = 0;
  const probe = (_: number, done: (result: ProbeResult) => void) => {
    runs.push(done);
    return () => cancelled++;
  };
  return { probe, runs, cancelled: () => cancelled };
}

describe('a watch by probe', () => {
  const liveness = { type: 'tcp', port: 'http', ...TIMES } as const;

  it('begins after the initial delay, then every period, and never while the last run goes on', async () => {
    const { clock, results, options } = rig();
    const { probe, runs } = manualProbe();
    watchByProbe(liveness, probe, options);
    await clock.advance(63);
    expect(runs).toHaveLength(0);
    await clock.advance(9);
    expect(runs).toHaveLength(1);
    await clock.advance(1000);
    expect(runs).toHaveLength(1);
    runs[0]?.({ outcome: 'passed' });
    await clock.advance(1);
    expect(runs).toHaveLength(2);
    runs[1]?.({ outcome: 'failed', text: 'no answer' });
    await clock.advance(126);
    expect(runs).toHaveLength(2);
    await clock.advance(20);
    expect(runs).toHaveLength(3);
    expect(results.map((each) => each.replace(/ at \d+/, ''))).toEqual(['passed', 'failed: no answer']);
  });

  it('reports why a probe could not be run once for each reason, and goes on', async () => {
    const { clock, results, options } = rig();
    const { probe, runs } = manualProbe();
    watchByProbe(liveness, probe, options);
    for (const text of ['EMFILE', 'EMFILE', 'EAGAIN']) {
      await clock.advance(150);
      runs.at(-1)?.({ outcome: 'unknown', text });
    }
    expect(results.map((each) => each.replace(/ at \d+/, ''))).toEqual(['unknown: EMFILE', 'unknown: EAGAIN']);
  });

  it('waits a period after a pause, and no initial delay', async () => {
    const { clock, options } = rig(true);
    const { probe, runs } = manualProbe();
    watchByProbe({ ...liveness, initialDelay: 10_000 }, probe, options);
    await clock.advance(127);
    expect(runs).toHaveLength(0);
    await clock.advance(20);
    expect(runs).toHaveLength(1);
  });

  it('cancels a run that is under way, and the wait for the next one', async () => {
    const { clock, results, options } = rig();
    const { probe, runs, cancelled } = manualProbe();
    const watch = watchByProbe(liveness, probe, options);
    await clock.advance(100);
    watch.cancel();
    expect(cancelled()).toBe(1);
    const waiting = watchByProbe(liveness, probe, options);
    await clock.advance(100);
    runs.at(-1)?.({ outcome: 'passed' });
    waiting.cancel();
    expect([clock.pending(), results.length]).toEqual([0, 1]);
  });
});

describe('a watch for silence', () => {
  const watchdog: HeardLiveness = { type: 'notify', initialDelay: 0, timeout: 80, failures: 2 };
  const idle: HeardLiveness = { ...watchdog, type: 'idle', stream: 'stdout' };

  it('fails each time that its timeout passes without a message, and passes with the first one after that', async () => {
    const { clock, results, options } = rig();
    const watch = watchForSilence(watchdog, options);
    watch.fed();
    watch.fed();
    await clock.advance(60);
    watch.fed();
    await clock.advance(79);
    expect(results).toEqual(['passed at 0']);
    await clock.advance(11);
    expect(results).toHaveLength(2);
    await clock.advance(90);
    expect(results).toHaveLength(3);
    watch.fed();
    expect(results.map((each) => each.replace(/ at \d+/, ''))).toEqual([
      'passed',
      ...['failed: it has sent no WATCHDOG=1 for 80 ms', 'failed: it has sent no WATCHDOG=1 for 80 ms'],
      'passed',
    ]);
    watch.cancel();
    expect(clock.pending()).toBe(0);
  });

  it('counts from the end of the initial delay, and from the resume after a pause', async () => {
    for (const [isResumed, silence] of [
      [false, 180],
      [true, 80],
    ] as const) {
      const { clock, results, options } = rig(isResumed);
      watchForSilence({ ...watchdog, initialDelay: 100 }, options);
      await clock.advance(silence - 1);
      expect(results).toEqual([]);
      await clock.advance(silence / 8 + 1);
      expect(results).toHaveLength(1);
    }
  });

  it('hears output of its stream alone', async () => {
    const { clock, results, options } = rig();
    const watch = watchForSilence(idle, options);
    watch.fed();
    watch.wrote('stderr');
    expect(results).toEqual([]);
    watch.wrote('stdout');
    expect(results).toEqual(['passed at 0']);
    await clock.advance(90);
    expect(results[1]).toMatch(/^failed at \d+: it has written nothing for 80 ms$/);
  });
});

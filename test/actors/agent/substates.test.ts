import { describe, expect, it } from 'vitest';
import type { AgentInput, CommandAgent } from '../../../src/model/input.js';
import { type Report, toText } from '../../../src/model/report.js';
import { createWorld, outcome, startWorld } from '../fake-world.js';

const STOP = { ask: 100, insist: 50, kill: 20, drain: 10 };
const agent = (more: Partial<CommandAgent> = {}): AgentInput => ({ id: 'a', command: ['a'], stop: STOP, ...more });

/** States and sub-states as a person reads them, anything else by its name; with the time since `from`. */
function reportTexts(reports: readonly Report[], from = 0): string[] {
  return reports
    .filter(({ path }) => path === 'root/a')
    .map((report) => {
      const word = report.type === 'state' || report.type === 'substate' ? toText(report).slice(10) : report.type;
      return from === 0 ? word : `${report.at - from} ${word}`;
    });
}

describe('the sub-states of an agent', () => {
  it('are reported for each stage of a stop, in order', async () => {
    const { clock, tree, reports } = await startWorld(
      { children: [agent()] },
      { script: { '*': { ignoresStop: true, drainsIn: 5 } } },
    );
    const from = clock.wall();
    reports.length = 0;
    const stopped = tree.agent('a').stop();
    await clock.advance(200);
    await stopped;
    expect(reportTexts(reports, from)).toEqual([
      '0 stopping',
      '100 stopping.insisting',
      '150 stopping.killing',
      '150 exited',
      '150 stopping.draining',
      '155 stopped',
    ]);
    expect(reports.find(({ type }) => type === 'substate')).toEqual({
      path: 'root/a',
      at: from + 100,
      type: 'substate',
      state: 'stopping',
      detail: 'stopping.insisting',
      incarnation: 1,
    });
  });

  it('equal the view that a listener reads', async () => {
    const { clock, tree } = await startWorld({ children: [agent()] }, { script: { '*': { ignoresStop: true } } });
    const pairs: string[][] = [];
    tree.subscribe((report) => {
      if (report.type === 'substate') pairs.push([report.detail, tree.agent('a').view().detail]);
    });
    await outcome(clock, tree.agent('a').stop());
    await clock.advance(200);
    const stages = ['stopping.insisting', 'stopping.killing'];
    expect(pairs).toEqual(stages.map((stage) => [stage, stage]));
  });

  it('are reported when it asks for more time, and when that time is over', async () => {
    const { clock, driver, tree, reports } = await startWorld(
      { children: [agent()] },
      { script: { '*': { ignoresStop: true } } },
    );
    reports.length = 0;
    const stopped = tree.agent('a').stop();
    await clock.advance(10);
    driver.notify('root/a', 'EXTEND_TIMEOUT_USEC=20000');
    driver.notify('root/a', 'EXTEND_TIMEOUT_USEC=40000');
    await clock.advance(200);
    await stopped;
    expect(reportTexts(reports)).toEqual([
      'stopping',
      'stopping.asking.extended',
      'stopping.asking.asked',
      'stopping.insisting',
      'stopping.killing',
      'exited',
      'stopped',
    ]);
  });

  it('are reported on the way to readiness, and not when there is nothing to wait for', async () => {
    const ports = { leases: { '*': { grantsIn: 10 } }, script: { '*': { startsIn: 10, readyIn: 10 } } };
    const slow = createWorld({ children: [agent({ ports: ['http'], readiness: { type: 'notify' } })] }, ports);
    const booted = slow.tree.start();
    await slow.clock.advance(30);
    await booted;
    expect(reportTexts(slow.reports)).toEqual([
      'created',
      'spawning',
      'spawning.launching',
      'started',
      'spawning.probing.waiting',
      'running',
      'ready',
    ]);
    const quick = await startWorld({ children: [agent()] });
    expect(reportTexts(quick.reports)).toEqual(['created', 'spawning', 'started', 'running', 'ready']);
  });

  it('are reported while it is being frozen, when that fails, and with its health', async () => {
    const { clock, driver, tree, reports } = await startWorld(
      { children: [agent()] },
      { script: { '*': { freezeFails: 'no' } } },
    );
    reports.length = 0;
    expect(await outcome(clock, tree.agent('a').pause())).not.toBe('done');
    expect(reportTexts(reports)).toEqual(['running.freezing', 'running.unknown']);
    reports.length = 0;
    driver.notify('root/a', 'HEALTH=healthy');
    driver.notify('root/a', 'HEALTH=healthy');
    expect(reportTexts(reports)).toEqual(['health', 'running.healthy', 'health']);
  });

  it('are not reported for an agent at rest', async () => {
    const { clock, driver, tree, reports } = await startWorld({
      maxRestarts: 1,
      onExhausted: 'fail',
      children: [agent()],
    });
    reports.length = 0;
    driver.crash('root/a');
    await clock.settle();
    expect(tree.agent('a').view().detail).toBe('failed.retrying');
    await clock.advance(1_000);
    driver.crash('root/a');
    await clock.settle();
    expect(tree.agent('a').view().detail).toBe('failed.exhausted');
    await outcome(clock, tree.agent('a').stop());
    const life = ['spawning', 'started', 'running', 'ready'];
    const end = ['exited', 'failed'];
    expect(reportTexts(reports)).toEqual([...end, 'restarting', ...life, ...end, 'exhausted', 'stopped']);
  });

  it('are reported for each incarnation, and for a kill during a stop', async () => {
    const { clock, tree, reports } = await startWorld(
      { children: [agent()] },
      { script: { '*': { ignoresStop: true } } },
    );
    for (const incarnation of [1, 2]) {
      reports.length = 0;
      const stopped = tree.agent('a').stop();
      stopped.catch(() => undefined);
      await clock.advance(10);
      expect(await outcome(clock, tree.agent('a').kill())).toBe('done');
      expect(reportTexts(reports)).toEqual(['stopping', 'stopping.killing', 'exited', 'stopped']);
      expect(reports.find(({ type }) => type === 'substate')).toMatchObject({ incarnation });
      await outcome(clock, tree.agent('a').start());
    }
  });

  it('say since when it is in its state, and no sub-state changes that', async () => {
    const timing = { startsIn: 10, readyIn: 10, ignoresStop: true, drainsIn: 5 };
    const { clock, tree } = createWorld(
      { children: [agent({ readiness: { type: 'notify' } })] },
      { script: { '*': timing } },
    );
    const since: string[] = [];
    const from = clock.wall();
    tree.subscribe((report) => {
      if (report.path !== 'root/a' || report.type !== 'state') return;
      since.push(`${report.state} ${tree.agent('a').view().since - from} ${report.at - from}`);
    });
    const lives = async (ms: number, life: Promise<unknown>) => Promise.all([life, clock.advance(ms)]);
    await lives(50, tree.start());
    await lives(50, tree.agent('a').pause());
    await lives(50, tree.agent('a').resume());
    await lives(300, tree.agent('a').stop());
    const expected = ['spawning 0', 'running 20', 'paused 50', 'running 100', 'stopping 150', 'stopped 305'];
    expect(since).toEqual(expected.map((line) => `${line} ${line.split(' ')[1]}`));
  });
});

import { describe, expect, it } from 'vitest';
import { createMachine, fromCallback, fromPromise } from 'xstate';
import { createTree } from '../../src/actors/tree.js';
import type { AgentTemplate, SupervisorInput } from '../../src/model/input.js';
import type { Report } from '../../src/model/report.js';
import { createVirtualClock } from '../../src/testing/index.js';
import { createWorld, startWorld, states } from './fake-world.js';

const PAIR: SupervisorInput = {
  children: [
    { id: 'a', command: ['a'] },
    { id: 'b', command: ['b'] },
  ],
};

function problems(reports: readonly Report[]): string[] {
  return reports.flatMap((report) => (report.type === 'error' ? `${report.path}: ${report.problem}` : []));
}

describe('a listener that throws', () => {
  it('is reported to the other listeners, which get every report', async () => {
    const { clock, tree, reports, told: reportsOf } = createWorld(PAIR);
    let received = 0;
    tree.subscribe(() => {
      received++;
      throw new Error('no');
    });
    const booted = tree.start();
    await clock.settle();
    await booted;
    expect(reportsOf('root/a').filter((word) => word !== 'error')).toEqual([
      'created',
      'spawning',
      'started',
      'running',
      'ready',
    ]);
    expect(problems(reports)).toContain('root/a: a listener threw: no');
    expect(received).toBe(reports.length);
    tree.stop();
    await clock.settle();
    expect(tree.status).toBe('stopped');
  });

  it('has no effect when it throws a value without a text', async () => {
    const { clock, tree } = createWorld(PAIR);
    tree.subscribe(() => {
      throw Object.create(null);
    });
    const booted = tree.start();
    await clock.settle();
    await booted;
    expect(states(tree)).toBe('root/a running, root/b running');
  });

  it('may end its own subscription, or another one, while it is called', async () => {
    const { clock, tree } = createWorld(PAIR);
    let own = 0;
    const end = tree.subscribe(() => {
      own++;
      end();
    });
    const booted = tree.start();
    await clock.settle();
    await booted;
    expect(own).toBe(1);
  });

  it('may give commands while it is called', async () => {
    const { clock, tree } = createWorld(PAIR);
    tree.subscribe((report) => {
      if (report.type === 'ready' && report.path === 'root/b') void tree.agent('a').stop();
    });
    const booted = tree.start();
    await clock.settle();
    await booted;
    expect(states(tree)).toBe('root/a stopped, root/b running');
  });

  it('of output is reported, and the agent continues', async () => {
    const { clock, driver, tree, reports } = await startWorld(PAIR);
    tree.agent('a').onOutput(() => {
      throw new Error('not my line');
    });
    driver.say('root/a', 'hello');
    await clock.settle();
    expect(problems(reports)).toEqual(['root/a: not my line']);
    expect(tree.agent('a').view().state).toBe('running');
  });
});

describe('an inspector that throws', () => {
  it('is reported and wedges no actor', async () => {
    const { clock, driver, tree, reports } = createWorld(PAIR, {
      inspect: () => {
        throw new Error('blind');
      },
    });
    const booted = tree.start();
    await clock.settle();
    await booted;
    driver.crash('root/a');
    await clock.advance(1000);
    expect(states(tree)).toBe('root/a running, root/b running');
    expect(new Set(problems(reports).map((line) => line.split(': ')[1]))).toEqual(new Set(['blind']));
    tree.stop();
    await clock.settle();
    expect(tree.status).toBe('stopped');
  });
});

/** A tree with one body of user code and one sibling that must not notice. */
async function beside(input: AgentTemplate) {
  const clock = createVirtualClock();
  const tree = createTree(
    {
      children: [
        { id: 'sibling', task: untilAborted },
        { id: 'bad', restart: 'temporary', ...input },
      ],
    },
    { clock, random: () => 0 },
  );
  const reports: Report[] = [];
  tree.subscribe((report) => void reports.push(report));
  tree.start().catch(() => undefined);
  await clock.settle();
  await clock.advance(10);
  const exits = reports.flatMap((report) =>
    report.type === 'exited' && report.path === 'root/bad' ? [`${report.exit.code} ${report.exit.detail}`] : [],
  );
  const incarnations = tree.agent('sibling').view().incarnation;
  const { state } = tree.agent('sibling').view();
  const end = tree.stop();
  await clock.advance(60_000);
  return { exits, sibling: `${state} ${incarnations}`, end: await end };
}

function untilAborted({ signal }: { signal: AbortSignal }): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
}

const FINE = { sibling: 'running 1', end: { reason: 'shutdown', clean: true, left: [] } };

describe('user code that throws', () => {
  it('in a task is an exit with code 1, and its siblings live on', async () => {
    const found = await beside({
      task: () => {
        throw new Error('at once');
      },
    });
    expect(found).toEqual({ exits: ['1 at once'], ...FINE });
  });

  it('in a task that rejects later is the same', async () => {
    const found = await beside({ task: async () => Promise.reject(new Error('later')) });
    expect(found).toEqual({ exits: ['1 later'], ...FINE });
  });

  it('in an action of a logic is the same', async () => {
    const logic = createMachine({
      entry: () => {
        throw new Error('in an action');
      },
    });
    expect((await beside({ logic })).sibling).toBe('running 1');
  });

  it('in a promise or a callback logic is the same', async () => {
    const promise = fromPromise(() => Promise.reject(new Error('in a promise')));
    expect(await beside({ logic: promise })).toEqual({ exits: ['1 in a promise'], ...FINE });
    const callback = fromCallback(() => {
      throw new Error('in a callback');
    });
    expect((await beside({ logic: callback })).sibling).toBe('running 1');
  });

  it('in the cleanup of a callback logic harms no supervisor when the tree stops', async () => {
    const logic = fromCallback(() => () => {
      throw new Error('in a cleanup');
    });
    expect(await beside({ logic })).toMatchObject(FINE);
  });
});

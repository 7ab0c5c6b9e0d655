import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { systemClock } from '../../src/contract/clock.js';
import type { Driver } from '../../src/drivers/driver.js';
import { createKeeperDriver } from '../../src/drivers/keeper/keeper.js';
import {
  type AgentView,
  type CommandAgent,
  createTree,
  type Report,
  type SupervisorInput,
  type Tree,
  type TreeOptions,
} from '../../src/index.js';
import { eventually } from '../contract/recorder.js';
import { portRange } from '../ports.js';
import { isRunning, MARK, type Member, processesMarked, processFacts } from './proc.js';

type ReportOf<T extends Report['type']> = Extract<Report, { type: T }>;

/** Stop stages for agents that end on the stop signal, even on a busy machine. */
export const LONG_STAGES = { ask: 20_000, insist: 100, kill: 20_000, drain: 500 } as const;

/** Stop stages for agents that must be killed. The last one is long, so that a busy machine makes no zombie. */
export const SHORT_ASK = { ...LONG_STAGES, ask: 200 } as const;

/** Restarts without delay, and with a budget that no test uses up. */
export const IMMEDIATE_RESTARTS = { maxRestarts: 1000, backoff: { initial: 1, max: 1 } } as const;

/** The command line of a shell script. */
export function sh(script: string): string[] {
  return ['sh', '-c', script];
}

/** An agent that sleeps, unless `more` has another command. */
export function sleeper(id: string, more: Partial<CommandAgent> = {}): CommandAgent {
  return { id, command: ['sleep', '300'], stop: LONG_STAGES, ...more };
}

let sharedKeeper: Driver | undefined;

/**
 * All trees of the test file that calls this run their commands below one keeper, except those that name a driver: the start of a keeper takes longer than
 * most tests. For tests that neither harm their keeper nor leave a zombie.
 */
export function shareKeeper(): void {
  const problems: string[] = [];
  let keeper: Driver;
  beforeAll(() => {
    keeper = createKeeperDriver({ clock: systemClock, report: (problem) => problems.push(problem) });
    sharedKeeper = {
      start: (order, sink) => keeper.start(order, sink),
      whenCaughtUp: (done) => keeper.whenCaughtUp!(done),
      close: async () => {}, // by the tree; the next one needs it
    };
  });
  afterAll(async () => {
    sharedKeeper = undefined;
    await keeper.close();
    expect(problems).toEqual([]);
  });
}

/** The options of a tree with that driver, which for `keeper` is the shared one. */
export function driverNamed(name: 'keeper' | 'local'): TreeOptions {
  return { driver: name === 'keeper' ? sharedKeeper! : name };
}

/**
 * A tree that is not started yet. When the test is over it is stopped, and the test fails if a process of it is left,
 * if an agent was ever reported at rest while a process of it ran, if an error report was not expected, or if reports came out of order.
 */
export function world(input: SupervisorInput, options: TreeOptions = {}): World {
  const mark = randomUUID();
  process.env[MARK] = mark;
  const driver = sharedKeeper && { driver: sharedKeeper };
  const ports = { base: portRange(50), count: 50 };
  const world = new World(mark, createTree(input, { ports, ...driver, ...options }));
  delete process.env[MARK];
  onTestFinished(() => world.close());
  return world;
}

/** The same, with all its children ready. */
export async function started(input: SupervisorInput, options: TreeOptions = {}): Promise<World> {
  const made = world(input, options);
  await made.tree.start();
  made.expectTrueStates();
  return made;
}

export class World {
  readonly reports: Report[] = [];
  /** The error reports that the test expects. */
  expected: RegExp | null = null;
  /** The agents that the stop of the tree is expected not to end. */
  left: readonly string[] = [];
  readonly #falseStates: string[] = [];
  readonly #ticks = new Map<number, number>();
  /** Agents that were running without a process at that time: their exit was not reported yet. */
  readonly #unreported: { readonly path: string; readonly incarnation: number; readonly at: number }[] = [];

  constructor(
    readonly mark: string,
    readonly tree: Tree,
  ) {
    tree.subscribe((report) => this.#onReport(report));
  }

  view(ref: string): AgentView {
    return this.tree.agent(ref).view();
  }

  /** The pid of a running agent. */
  pid(ref: string): number {
    const { pid } = this.view(ref);
    if (pid === null) throw new Error(`${ref} has no pid`);
    return pid;
  }

  /** The processes of one agent; of the whole tree if no path is given. */
  members(path?: string): Member[] {
    return processesMarked(this.mark, path);
  }

  all<T extends Report['type']>(type: T, path?: string): ReportOf<T>[] {
    const ofType = (report: Report): report is ReportOf<T> => report.type === type;
    return this.reports.filter(ofType).filter((report) => path === undefined || report.path === path);
  }

  /** The reported states of one agent, in order. */
  states(path: string): string[] {
    return this.all('state', path).map((report) => report.state);
  }

  /** The exit records of one agent, in order. */
  exits(path: string) {
    return this.all('exited', path).map((report) => report.exit);
  }

  text(ref: string): string {
    const { lines } = this.tree.agent(ref).output();
    return lines.map((line) => Buffer.from(line.bytes).toString()).join('');
  }

  printed(ref: string, text: string): Promise<void> {
    return eventually(() => this.text(ref).includes(text), `${ref} to print ${text}`);
  }

  becomes(ref: string, state: string): Promise<void> {
    return eventually(() => this.view(ref).state === state, `${ref} to be ${state}`);
  }

  /** Waits for `times` reports of this type and resolves with the last of them. */
  async reported<T extends Report['type']>(type: T, path?: string, times = 1): Promise<ReportOf<T>> {
    await eventually(() => this.all(type, path).length >= times, `${times} reports ${type} of ${path ?? 'all'}`);
    return this.all(type, path)[times - 1]!;
  }

  /** Asserts that the view of every agent agrees with /proc now. */
  expectTrueStates(): void {
    const members = this.members();
    const falseStates = this.tree.agents().flatMap((view) => {
      return this.#falseStatesOf(
        view,
        members.filter(({ path }) => path === view.path),
      );
    });
    expect(falseStates).toEqual([]);
  }

  /** Stops the tree and checks it. Kills what is left, so that a failed test leaves no process behind either. */
  async close(): Promise<void> {
    try {
      await this.#end();
    } finally {
      for (const { pid } of this.members()) process.kill(pid, 'SIGKILL');
    }
  }

  async #end(): Promise<void> {
    const { left } = await this.tree.stop();
    expect(left).toEqual(this.left);
    expect(this.members()).toEqual([]);
    expect(this.#falseStates).toEqual([]);
    const unexplained = this.#unreported.filter(
      ({ path, incarnation, at }) =>
        !this.exits(path).some((exit) => exit.incarnation === incarnation && exit.exitedAt <= at),
    );
    expect(unexplained).toEqual([]);
    const { expected } = this;
    expect(this.all('error').filter(({ problem }) => !expected?.test(problem))).toEqual([]);
    for (const { pid, path } of this.all('started')) {
      const same = pid !== null && processFacts(pid)?.startTicks === this.#ticks.get(pid);
      expect(same, `${path} is reaped`).toBe(false);
    }
    expect(misordered(this.reports)).toEqual([]);
  }

  #onReport(report: Report): void {
    this.reports.push(report);
    if (report.type === 'started' && report.pid !== null) {
      this.#ticks.set(report.pid, processFacts(report.pid)?.startTicks ?? 0);
    }
    if (report.type === 'state' && AT_REST.has(report.state)) {
      for (const pid of this.#left(report.path))
        this.#falseStates.push(`${report.path} was ${report.state}, pid ${pid}`);
    }
  }

  /** The processes of an agent that run. In a tree of many agents only its process group is checked: a scan of /proc for each takes too long. */
  #left(path: string): number[] {
    if (this.tree.agents().length < 50) return this.members(path).map(({ pid }) => pid);
    const pid = this.all('started', path).at(-1)?.pid;
    return pid && groupLives(pid) ? [pid] : [];
  }

  #falseStatesOf(view: AgentView, members: readonly Member[]): string[] {
    const reported = `${view.path} is ${view.detail}, pid ${view.pid}`;
    if (AT_REST.has(view.state)) return members.map(({ pid }) => `${reported}, but ${pid} runs`);
    if (view.state === 'zombie')
      return view.blockers.filter(({ pid }) => pid > 0 && !isRunning(pid)).map(() => reported);
    if (view.pid === null) return [];
    const process = processFacts(view.pid);
    if (view.state === 'running') {
      // A process that has just ended is defunct until this program has reaped it, which takes a turn of its event loop. A keeper reaps it at once.
      if (process === undefined) {
        this.#unreported.push({ path: view.path, incarnation: view.incarnation, at: Date.now() });
        return [];
      }
      const isTrue = process.startTicks === this.#ticks.get(view.pid) && process.state !== 'T';
      return isTrue ? [] : [`${reported}, but it is ${process.state}`];
    }
    if (view.state !== 'paused' || view.pauseMode !== 'forced') return [];
    return members.filter(({ state }) => state !== 'T').map(({ pid, state }) => `${reported}, but ${pid} is ${state}`);
  }
}

function groupLives(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch {
    return false;
  }
}

/** Reports out of order: started, ready, exited for each incarnation, and none of the next one before the exit of the last. */
function misordered(reports: readonly Report[]): string[] {
  const last = new Map<string, { incarnation: number; rank: number }>();
  const wrong: string[] = [];
  for (const report of reports) {
    const rank = REPORT_ORDER.indexOf(report.type);
    if (rank < 0 || !('incarnation' in report)) continue;
    const { path, incarnation, type } = report;
    const before = last.get(path);
    const follows = before === undefined || incarnation > before.incarnation || rank > before.rank;
    const early = before !== undefined && incarnation > before.incarnation && before.rank < REPORT_ORDER.length - 1;
    if (!follows || early || (before && incarnation < before.incarnation)) wrong.push(`${path} ${type} ${incarnation}`);
    last.set(path, { incarnation, rank });
  }
  return wrong;
}

const REPORT_ORDER: readonly string[] = ['started', 'ready', 'exited'];
const AT_REST: ReadonlySet<string> = new Set(['stopped', 'completed', 'failed']);

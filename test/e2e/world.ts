import { randomUUID } from 'node:crypto';
import { expect, onTestFinished } from 'vitest';
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
import { lives, MARK, type Member, marked, witness } from './proc.js';

type ReportOf<T extends Report['type']> = Extract<Report, { type: T }>;

/** For those who end when they are asked, be the machine ever so busy. */
export const PATIENT = { ask: 20_000, insist: 100, kill: 20_000, drain: 500 } as const;

/** For those who must be killed. The last stage is long, for a machine under load must not make a zombie. */
export const BRISK = { ...PATIENT, ask: 200 } as const;

/** Restarts at once, and as many as a test can need. */
export const EAGER = { maxRestarts: 1000, backoff: { initial: 1, max: 1 } } as const;

/** The command line of a shell script. */
export function sh(script: string): string[] {
  return ['sh', '-c', script];
}

/** An agent that sleeps, unless it is told otherwise. */
export function sleeper(id: string, more: Partial<CommandAgent> = {}): CommandAgent {
  return { id, command: ['sleep', '300'], stop: PATIENT, ...more };
}

/**
 * A tree that is watched, not started yet. When the test is over it is stopped, and the test fails if a process of it lives then,
 * if an agent was ever told to be at rest while one lived, if a report of an error was not expected, or if reports came out of order.
 */
export function world(input: SupervisorInput, options: TreeOptions = {}): World {
  const mark = randomUUID();
  process.env[MARK] = mark;
  const made = new World(mark, createTree(input, { ports: { base: portRange(50), count: 50 }, ...options }));
  delete process.env[MARK];
  onTestFinished(() => made.close());
  return made;
}

/** The same, with all its children ready. */
export async function started(input: SupervisorInput, options: TreeOptions = {}): Promise<World> {
  const made = world(input, options);
  await made.tree.start();
  made.isTrue();
  return made;
}

export class World {
  readonly reports: Report[] = [];
  /** The errors that the test is about. */
  expected: RegExp | null = null;
  /** The agents that the stop of the tree could not end, because the test has seen to it. */
  left: readonly string[] = [];
  readonly #lies: string[] = [];
  readonly #ticks = new Map<number, number>();

  constructor(
    readonly mark: string,
    readonly tree: Tree,
  ) {
    tree.subscribe((report) => this.#heard(report));
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

  /** Living processes of one agent; of the whole tree when none is named. */
  members(path?: string): Member[] {
    return marked(this.mark, path);
  }

  all<T extends Report['type']>(type: T, path?: string): ReportOf<T>[] {
    const mine = (report: Report): report is ReportOf<T> => report.type === type;
    return this.reports.filter(mine).filter((report) => path === undefined || report.path === path);
  }

  /** The states that were told of one agent, in order. */
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

  says(ref: string, text: string): Promise<void> {
    return eventually(() => this.text(ref).includes(text), `${ref} to say ${text}`);
  }

  becomes(ref: string, state: string): Promise<void> {
    return eventually(() => this.view(ref).state === state, `${ref} to be ${state}`);
  }

  /** So many reports of this type, and the last of them. */
  async heard<T extends Report['type']>(type: T, path?: string, times = 1): Promise<ReportOf<T>> {
    await eventually(() => this.all(type, path).length >= times, `${times} reports ${type} of ${path ?? 'all'}`);
    return this.all(type, path)[times - 1]!;
  }

  /** Asserts that every state that is told now is the state of the machine now. */
  isTrue(): void {
    const members = this.members();
    const lies = this.tree.agents().flatMap((view) => {
      return this.#lieOf(
        view,
        members.filter(({ path }) => path === view.path),
      );
    });
    expect(lies).toEqual([]);
  }

  /** A test that failed leaves no process behind either. */
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
    expect(this.#lies).toEqual([]);
    const { expected } = this;
    expect(this.all('error').filter(({ problem }) => !expected?.test(problem))).toEqual([]);
    for (const { pid, path } of this.all('started')) {
      const same = pid !== null && witness(pid)?.startTicks === this.#ticks.get(pid);
      expect(same, `${path} is reaped`).toBe(false);
    }
    expect(disorder(this.reports)).toEqual([]);
  }

  #heard(report: Report): void {
    this.reports.push(report);
    if (report.type === 'started' && report.pid !== null) {
      this.#ticks.set(report.pid, witness(report.pid)?.startTicks ?? 0);
    }
    if (report.type === 'state' && AT_REST.has(report.state)) {
      for (const pid of this.#left(report.path)) this.#lies.push(`${report.path} was ${report.state}, pid ${pid}`);
    }
  }

  /** What is alive of an agent. Of many agents only the process group is asked for: a look over /proc for each would take too long. */
  #left(path: string): number[] {
    if (this.tree.agents().length < 50) return this.members(path).map(({ pid }) => pid);
    const pid = this.all('started', path).at(-1)?.pid;
    return pid && groupLives(pid) ? [pid] : [];
  }

  #lieOf(view: AgentView, members: readonly Member[]): string[] {
    const told = `${view.path} is ${view.detail}, pid ${view.pid}`;
    if (AT_REST.has(view.state)) return members.map(({ pid }) => `${told}, but ${pid} lives`);
    if (view.state === 'zombie') return view.blockers.filter(({ pid }) => pid > 0 && !lives(pid)).map(() => told);
    if (view.pid === null) return [];
    const seen = witness(view.pid);
    if (view.state === 'running') {
      // A process that has just ended is defunct until this program hears of it, which takes a turn of its loop.
      const true_ = seen?.startTicks === this.#ticks.get(view.pid) && seen?.state !== 'T';
      return true_ ? [] : [`${told}, but it is ${seen?.state}`];
    }
    if (view.state !== 'paused' || view.pauseMode !== 'forced') return [];
    return members.filter(({ state }) => state !== 'T').map(({ pid, state }) => `${told}, but ${pid} is ${state}`);
  }
}

function groupLives(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch {
    return false;
  }
}

/** Of one incarnation: started, ready, exited; and no second one begins before the first is over. */
function disorder(reports: readonly Report[]): string[] {
  const last = new Map<string, { incarnation: number; rank: number }>();
  const wrong: string[] = [];
  for (const report of reports) {
    const rank = RANKS.indexOf(report.type);
    if (rank < 0 || !('incarnation' in report)) continue;
    const { path, incarnation, type } = report;
    const before = last.get(path);
    const follows = before === undefined || incarnation > before.incarnation || rank > before.rank;
    const early = before !== undefined && incarnation > before.incarnation && before.rank < RANKS.length - 1;
    if (!follows || early || (before && incarnation < before.incarnation)) wrong.push(`${path} ${type} ${incarnation}`);
    last.set(path, { incarnation, rank });
  }
  return wrong;
}

const RANKS: readonly string[] = ['started', 'ready', 'exited'];
const AT_REST: ReadonlySet<string> = new Set(['stopped', 'completed', 'failed']);

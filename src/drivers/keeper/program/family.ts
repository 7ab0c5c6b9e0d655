import type { FreezableTree } from '../../local/freezer.js';
import type { Look } from '../../local/process-tree.js';
import { send } from '../../local/signals.js';
import { childrenOf, isDefunct, type ProcStat, readStat } from '../../proc/proc.js';

/** The processes of one incarnation: the children of the keeper that belong to it, and all that is below them. */
export class Family implements FreezableTree {
  /** The main process, which leads its session and its process group. */
  readonly main: number;
  readonly #children: ReadonlySet<number>;
  readonly #list: () => void;

  /** `children` are those of the keeper that belong to the incarnation; `list` brings them up to date. */
  constructor(main: number, children: ReadonlySet<number>, list: () => void) {
    this.main = main;
    this.#children = children;
    this.#list = list;
  }

  /** All members that are not defunct. `certain`: a second listing found the same ones, so if all are stopped there is no other. */
  look(): Look {
    const alive = this.#members();
    const again = this.#members();
    return { alive, certain: alive.length === again.length && alive.every(({ pid }, at) => pid === again[at]?.pid) };
  }

  /** Lists the members first, then signals the process group and each member outside of it. */
  signal(
    signal: NodeJS.Signals | number,
    { alive }: { alive: readonly ProcStat[] } = { alive: this.#members() },
  ): void {
    const isGroup = this.#isGroup(alive);
    if (isGroup) send(-this.main, signal);
    for (const { pid, group } of alive) if (!isGroup || group !== this.main) send(pid, signal);
  }

  /** Signals the main process alone, unless it was reaped. */
  signalMain(signal: number): void {
    if (this.#children.has(this.main)) send(this.main, signal);
  }

  /** Signals the process group alone. */
  signalGroup(signal: number): void {
    if (this.#isGroup()) send(-this.main, signal);
  }

  /** Until the main process is reaped nothing else can have its number, and then as long as a member is in its group. */
  #isGroup(alive?: readonly ProcStat[]): boolean {
    return this.#children.has(this.main) || (alive ?? this.#members()).some(({ group }) => group === this.main);
  }

  #members(): ProcStat[] {
    this.#list();
    const found = new Set(this.#children);
    const alive: ProcStat[] = [];
    for (const pid of found) {
      const stat = readStat(pid) ?? this.#unreadable(pid);
      if (stat === undefined || isDefunct(stat)) continue;
      alive.push(stat);
      for (const child of childrenOf(pid)) found.add(child);
    }
    return alive;
  }

  /** A child of the keeper is there until it is reaped, even when /proc cannot be read. Another process is gone. */
  #unreadable(pid: number): ProcStat | undefined {
    if (!this.#children.has(pid)) return undefined;
    const group = pid === this.main ? pid : 0;
    return { pid, name: '', state: '?', parent: process.pid, group, session: 0, threads: 1, startTicks: 0 };
  }
}

import type { ProcessTimes } from '../../drivers/driver.js';

type Figures = ReadonlyMap<number, ProcessTimes>;

/** A share over less time than this would be noise: the kernel counts cpu time in ticks of 10 ms. */
const MIN_SPAN = 500;

/**
 * The cpu share of one process tree, from what all its processes have used together. The time of a process that ends is not lost: the kernel adds it to its
 * parent's when the parent waits for it (`childTime`). What was counted while the process lived must not be counted again then:
 *
 * 1. A child was counted with 900 ms. It ends.
 * 2. Until its parent waits for it, it is defunct: no member of the tree any more, but still measured (`awaited`).
 * 3. Its parent has waited for it: 910 ms are added to the parent's `childTime`, of which 900 are subtracted.
 *
 * A process may vanish in one sample and be added to its parent in the next, so what could not be subtracted is carried over once. An orphan is waited for by
 * a process outside the tree, so nothing is subtracted for it.
 */
export class TreeCpu {
  #base: Figures = new Map();
  /** The time of vanished processes that had not been added to their parents at the last sample. */
  #missing = 0;
  #share = 0;

  /** The processes that have left the tree since the base, but that may be waited for by a parent in it. */
  awaited(members: ReadonlySet<number>): number[] {
    return [...this.#base]
      .filter(([pid, { parent }]) => !members.has(pid) && this.#contains(parent))
      .map(([pid]) => pid);
  }

  /** Percent of one core since the base, if that is at least half a second old; else as before. At first: the average since the oldest process started. */
  share(members: ReadonlySet<number>, times: Figures): number {
    const now = this.#counted(members, times);
    const span = this.#spanOf(now);
    if (span !== undefined && span < MIN_SPAN) return this.#share;
    const used = span === undefined ? totalOf(now) : this.#usedSince(now, span);
    const over = span ?? Math.max(...[...now.values()].map(({ elapsed }) => elapsed));
    this.#base = now;
    this.#share = over > 0 ? (used / over) * 100 : 0;
    return this.#share;
  }

  /** The members, and the defunct processes that still have their parent. */
  #counted(members: ReadonlySet<number>, times: Figures): Figures {
    const isAwaited = (pid: number) => this.#previous(pid, times.get(pid))?.parent === times.get(pid)?.parent;
    const pids = [...members, ...this.awaited(members).filter(isAwaited)];
    return new Map(pids.flatMap((pid) => (times.has(pid) ? [[pid, times.get(pid)!]] : [])));
  }

  /** The time since the base; `undefined` when no process of the base is left. */
  #spanOf(now: Figures): number | undefined {
    let span: number | undefined;
    for (const [pid, figure] of now) {
      const before = this.#previous(pid, figure);
      if (before !== undefined) span = Math.max(span ?? 0, figure.elapsed - before.elapsed);
    }
    return span;
  }

  #usedSince(now: Figures, span: number): number {
    let own = 0;
    let ended = 0;
    for (const [pid, figure] of now) {
      const before = this.#previous(pid, figure);
      own += before === undefined ? shareOfLife(figure, span) : figure.ctime - before.ctime;
      ended += before === undefined ? 0 : childTime(figure) - childTime(before);
    }
    const added = Math.max(0, ended - this.#missing);
    const vanished = this.#vanished(now);
    this.#missing = Math.max(0, vanished - added);
    return own + Math.max(0, added - vanished);
  }

  /** The time of the processes of the base that have vanished and were not orphans. */
  #vanished(now: Figures): number {
    const gone = [...this.#base].filter(
      ([pid, { parent }]) => !this.#previous(pid, now.get(pid)) && this.#contains(parent),
    );
    return totalOf(new Map(gone));
  }

  /** The figure of the same process in the base; a process younger than that is another one with the same pid. */
  #previous(pid: number, now: ProcessTimes | undefined): ProcessTimes | undefined {
    const before = this.#base.get(pid);
    if (before === undefined || now === undefined) return undefined;
    const isSame = now.elapsed >= before.elapsed && now.ctime >= before.ctime && childTime(now) >= childTime(before);
    return isSame ? before : undefined;
  }

  #contains(parent: number | undefined): boolean {
    return parent !== undefined && this.#base.has(parent);
  }
}

function totalOf(figures: Figures): number {
  let total = 0;
  for (const figure of figures.values()) total += figure.ctime + childTime(figure);
  return total;
}

/** Of a process that is older than the span but could not be read before, the average of its life. */
function shareOfLife(figure: ProcessTimes, span: number): number {
  const total = figure.ctime + childTime(figure);
  return figure.elapsed > span ? (total * span) / figure.elapsed : total;
}

function childTime({ childTime = 0 }: ProcessTimes): number {
  return childTime;
}

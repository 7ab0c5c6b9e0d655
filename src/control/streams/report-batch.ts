import type { AgentView } from '../../contract/view.js';
import type { Report } from '../../model/report.js';

/**
 * Collects the reports of one cascade of transitions and hands them on after it. Within a cascade an agent has reported a step that its chart has
 * not finished, so a view taken there could show a state that is true neither before nor after.
 */
export class ReportBatch<R = Report> {
  readonly #take: (reports: readonly R[]) => void;
  #waiting: R[] = [];

  constructor(take: (reports: readonly R[]) => void) {
    this.#take = take;
  }

  add(report: R): void {
    this.#waiting.push(report);
    if (this.#waiting.length === 1) queueMicrotask(() => this.flush());
  }

  /** Hands on what waits, now. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const reports = this.#waiting;
    this.#waiting = [];
    this.#take(reports);
  }
}

/** Where an agent is. */
export type Place = Pick<AgentView, 'state' | 'detail'>;

/**
 * Where a report of a batch has its agent, `null` when it does not say. `now` is where the agent is after the batch; it belongs to the last
 * report of its agent, and is `null` for those before.
 */
export function placeOf(report: Report, now: Place | null): Place | null {
  if (report.type === 'substate') return report;
  if (report.type !== 'state') return now;
  return now?.state === report.state ? now : { state: report.state, detail: report.state };
}

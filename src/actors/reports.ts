import type { Clock } from '../contract/clock.js';
import { messageOf } from '../errors.js';
import type { Report, ReportBody } from '../model/report.js';

export type ReportListener = (report: Report) => void;

/** Where everything that happens in a tree is told, in order. */
export interface Reports {
  /** Tells all listeners, in the order of the calls. Never throws: a listener that does is reported to all. */
  emit(path: string, body: ReportBody): void;
  /** Returns the way to end the subscription. */
  subscribe(listener: ReportListener): () => void;
}

export function createReports(clock: Clock): Reports {
  const listeners = new Set<ReportListener>();
  const queue: Report[] = [];
  let telling = false;

  /**
   * A listener may do what brings about further reports. They wait until all listeners have heard the present one, so everybody
   * hears the same order.
   */
  const emit = (path: string, body: ReportBody): void => {
    if (listeners.size === 0) return;
    queue.push({ path, at: clock.wall(), ...body } as Report);
    if (telling) return;
    telling = true;
    for (let report = queue.shift(); report !== undefined; report = queue.shift()) tellAll(report);
    telling = false;
  };

  const tellAll = (report: Report): void => {
    for (const listener of [...listeners]) {
      if (!listeners.has(listener)) continue;
      try {
        listener(report);
      } catch (thrown) {
        complain(report, thrown);
      }
    }
  };

  /** A listener that throws on every report must not answer its own complaint for ever. */
  const complaints = new WeakSet<Report>();
  const complain = (about: Report, thrown: unknown): void => {
    if (complaints.has(about)) return;
    const problem = `a listener threw: ${messageOf(thrown)}`;
    const complaint: Report = { path: about.path, at: clock.wall(), type: 'error', problem };
    complaints.add(complaint);
    queue.push(complaint);
  };

  return {
    emit,
    subscribe(listener) {
      const own: ReportListener = (report) => listener(report);
      listeners.add(own);
      return () => listeners.delete(own);
    },
  };
}

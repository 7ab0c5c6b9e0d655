import type { Clock } from '../contract/clock.js';
import { messageOf } from '../errors.js';
import type { Report, ReportBody } from '../model/report.js';

export type ReportListener = (report: Report) => void;

/** The stream of everything that happens in a tree, in order. */
export interface Reports {
  /** Calls all listeners, in the order of the calls. Never throws: an error of a listener is reported to all. */
  emit(path: string, body: ReportBody): void;
  /** Returns a function that ends the subscription. */
  subscribe(listener: ReportListener): () => void;
}

export function createReports(clock: Clock): Reports {
  const listeners = new Set<ReportListener>();
  const queue: Report[] = [];
  let isEmitting = false;

  /** A listener may cause further reports. They wait until all listeners have had the present one, so that all have the same order. */
  const emit = (path: string, body: ReportBody): void => {
    if (listeners.size === 0) return;
    queue.push({ path, at: clock.wall(), ...body } as Report);
    if (isEmitting) return;
    isEmitting = true;
    for (let report = queue.shift(); report !== undefined; report = queue.shift()) callAll(report);
    isEmitting = false;
  };

  const callAll = (report: Report): void => {
    for (const listener of [...listeners]) {
      if (!listeners.has(listener)) continue;
      try {
        listener(report);
      } catch (thrown) {
        reportThrow(report, thrown);
      }
    }
  };

  /** Prevents an endless loop: a listener that throws on every report would throw on the report of its own error. */
  const errorReports = new WeakSet<Report>();
  const reportThrow = (about: Report, thrown: unknown): void => {
    if (errorReports.has(about)) return;
    const problem = `a listener threw: ${messageOf(thrown)}`;
    const errorReport: Report = { path: about.path, at: clock.wall(), type: 'error', problem };
    errorReports.add(errorReport);
    queue.push(errorReport);
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

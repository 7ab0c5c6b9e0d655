import { messageOf } from '../errors.js';
import type { Report, ReportBody } from '../model/report.js';
import type { Clock } from './clock.js';

export type ReportListener = (report: Report) => void;

/** Where everything that happens in a tree is told, in order. */
export interface Reports {
  /** Tells all listeners, at once. Never throws: a listener that does is reported to the others. */
  emit(path: string, body: ReportBody): void;
  /** Returns the way to end the subscription. */
  subscribe(listener: ReportListener): () => void;
}

export function createReports(clock: Clock): Reports {
  const listeners = new Set<ReportListener>();
  let complaining = false;

  const emit = (path: string, body: ReportBody): void => {
    if (listeners.size === 0) return;
    const report = { path, at: clock.wall(), ...body } as Report;
    for (const listener of [...listeners]) {
      try {
        listener(report);
      } catch (thrown) {
        complain(path, thrown);
      }
    }
  };

  /** A listener that throws on every report must not answer its own complaint for ever. */
  const complain = (path: string, thrown: unknown): void => {
    if (complaining) return;
    complaining = true;
    emit(path, { type: 'error', problem: `a listener threw: ${messageOf(thrown)}` });
    complaining = false;
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

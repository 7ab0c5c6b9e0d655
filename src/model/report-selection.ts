import { SupertreeError } from '../errors.js';
import type { Report, ReportOf, ReportType } from './report.js';

/** The arguments of `subscribe`: a listener of every report, or types and a listener of those. */
export type Subscription =
  | readonly [listener: (report: Report) => void]
  | readonly [types: ReportType | readonly ReportType[], listener: (report: never) => void];

/** The listener of a subscription as a listener of every report. Throws OPTION_INVALID for an unknown type. */
export function reportListener(subscription: Subscription): (report: Report) => void {
  if (subscription.length === 1) return subscription[0];
  const [types, listener] = subscription;
  const wanted = new Set<ReportType>(typeof types === 'string' ? [types] : types);
  for (const type of wanted) assertReportType(type);
  return (report) => {
    if (wanted.has(report.type)) (listener as (report: ReportOf<ReportType>) => void)(report);
  };
}

function assertReportType(type: string): void {
  if (Object.hasOwn(REPORT_TYPES, type)) return;
  const rule = `must be one of ${Object.keys(REPORT_TYPES).join(', ')}`;
  throw new SupertreeError('OPTION_INVALID', { option: 'types', rule, got: type });
}

const REPORT_TYPES: Readonly<Record<ReportType, true>> = {
  created: true,
  started: true,
  adopted: true,
  ready: true,
  exited: true,
  state: true,
  substate: true,
  paused: true,
  resumed: true,
  health: true,
  restarting: true,
  waiting: true,
  exhausted: true,
  zombie: true,
  removed: true,
  'port-conflict': true,
  limit: true,
  'dead-letter': true,
  supervisor: true,
  error: true,
};

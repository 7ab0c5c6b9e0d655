import type { AgentState, Blocker, Health } from './agent.js';
import type { ExitRecord } from './exit.js';
import { describeExit } from './reason.js';
import type { PauseMode } from './spec.js';

/**
 * The reports of a tree, in the order of the events. For one incarnation the order is created < started < ready < exited < removed. A report carries the
 * figures of its decision.
 */
export type Report = { readonly path: string; readonly at: number } & ReportBody;

/** How memory was measured: as proportional set size, in which a page that several processes share counts once, or as resident set size. */
export type MemoryMeasure = 'pss' | 'rss';

export type ReportBody =
  | { readonly type: 'created'; readonly uuid: string }
  | {
      readonly type: 'started';
      readonly incarnation: number;
      readonly pid: number | null;
      readonly ports: Readonly<Record<string, number>>;
    }
  /** An incarnation that an earlier program has started was taken over, instead of `started`. */
  | {
      readonly type: 'adopted';
      readonly incarnation: number;
      readonly pid: number | null;
      readonly ports: Readonly<Record<string, number>>;
    }
  | { readonly type: 'ready'; readonly incarnation: number; readonly after: number }
  | { readonly type: 'exited'; readonly incarnation: number; readonly exit: ExitRecord }
  | { readonly type: 'state'; readonly state: AgentState; readonly incarnation: number }
  | { readonly type: 'substate'; readonly state: AgentState; readonly detail: string; readonly incarnation: number }
  | { readonly type: 'paused'; readonly incarnation: number; readonly mode: PauseMode }
  | { readonly type: 'resumed'; readonly incarnation: number }
  | { readonly type: 'health'; readonly incarnation: number; readonly health: Health; readonly detail: string }
  | {
      readonly type: 'restarting';
      readonly delay: number;
      readonly restarts: number;
      readonly left: number;
      readonly reason: string;
    }
  /** It starts when these siblings are ready. */
  | { readonly type: 'waiting'; readonly for: readonly string[] }
  | { readonly type: 'exhausted'; readonly restarts: number; readonly within: number; readonly reason: string }
  | { readonly type: 'zombie'; readonly incarnation: number; readonly blockers: readonly Blocker[] }
  | { readonly type: 'removed'; readonly uuid: string }
  | { readonly type: 'port-conflict'; readonly port: number; readonly holder: string }
  | {
      readonly type: 'limit';
      readonly resource: 'memory' | 'cpu';
      readonly value: number;
      readonly max: number;
      /** How `value` was measured; absent for cpu. */
      readonly measure?: MemoryMeasure;
      readonly action: string;
    }
  | { readonly type: 'dead-letter'; readonly event: string; readonly incarnation: number; readonly reason: string }
  | { readonly type: 'supervisor'; readonly status: SupervisorStatus; readonly reason: string }
  | { readonly type: 'error'; readonly problem: string };

export type ReportType = ReportBody['type'];

/** The reports of one type, or of several. */
export type ReportOf<T extends ReportType> = Extract<Report, { readonly type: T }>;

/** The culprit of a failed supervisor: the innermost agent (or supervisor) that failed, and how it ended. */
export interface Failure {
  /** Its path. */
  readonly path: string;
  /** Why the supervisor ended, as text. */
  readonly reason: string;
  /** The exit record of its last end; `null` when it never ran. */
  readonly exit: ExitRecord | null;
}

/** A failure as the end of a sentence: the path, the reason and the last lines. */
export function failureText(failure: Failure | null): string | null {
  if (failure === null) return null;
  const { path, reason, exit } = failure;
  const tail = exit?.tail.slice(-LAST_LINES) ?? [];
  return `${path} failed: ${reason}${tail.length === 0 ? '' : `; its last lines: ${tail.map((line) => JSON.stringify(line)).join(', ')}`}`;
}

/** The number of last lines in a sentence. */
const LAST_LINES = 5;

export type SupervisorStatus = 'booting' | 'running' | 'stopping' | 'stopped' | 'failed';

/** One report as one line of text, without the time. */
export function toText(report: Report): string {
  return `${report.path} ${detailOf(report)}`;
}

function detailOf(report: Report): string {
  switch (report.type) {
    case 'created':
    case 'removed':
    case 'resumed':
      return report.type;
    case 'started':
      return `started${report.pid === null ? '' : `, pid ${report.pid}`}${portsText(report.ports)}`;
    case 'adopted':
      return `taken over from an earlier program, pid ${report.pid}${portsText(report.ports)}`;
    case 'ready':
      return `ready after ${Math.round(report.after)} ms`;
    case 'exited':
      return `exited: ${describeExit(report.exit)}`;
    case 'state':
      return `is ${report.state}`;
    case 'substate':
      return `is ${report.detail}`;
    case 'paused':
      return `paused (${report.mode})`;
    case 'health':
      return `is ${report.health}${report.detail === '' ? '' : `: ${report.detail}`}`;
    case 'restarting':
      return `restarts in ${Math.round(report.delay)} ms after ${report.reason} (${report.left} left)`;
    case 'waiting':
      return `is ${waitingText(report.for)}`;
    case 'exhausted':
      return `spent its budget: ended ${report.restarts} times within ${report.within} ms, last with ${report.reason}`;
    case 'zombie':
      return `is a zombie, blocked by ${blockersText(report.blockers)}`;
    case 'port-conflict':
      return `cannot have port ${report.port}: held by ${report.holder}`;
    case 'limit':
      return `passed its ${report.resource} limit: ${limitText(report)}, ${report.action}`;
    case 'dead-letter':
      return `ignored ${report.event} of incarnation ${report.incarnation}: ${report.reason}`;
    case 'supervisor':
      return `is ${report.status}${report.reason ? `: ${report.reason}` : ''}`;
    case 'error':
      return `met an error: ${report.problem}`;
  }
}

/** What exceeded a limit, as the end of a sentence and as the detail of an exit record. */
export function limitText({
  value,
  max,
  measure,
}: Pick<ReportBody & { type: 'limit' }, 'value' | 'max' | 'measure'>): string {
  return measure === undefined ? `${value} of ${max}` : `${value} of ${max} bytes (${measure.toUpperCase()})`;
}

/** For whom a start waits, as the end of a sentence and as the detail of an agent's state. */
export function waitingText(siblings: readonly string[]): string {
  return `${WAITING}${siblings.join(', ')} to be ready`;
}

/** True for an agent whose start waits for siblings. */
export function isWaiting({ detail }: { readonly detail: string }): boolean {
  return detail.startsWith(WAITING);
}

const WAITING = 'waiting for ';

/** The blockers of a zombie as the end of a sentence. */
export function blockersText(blockers: readonly Blocker[]): string {
  if (blockers.length === 0) return 'a process that cannot be seen';
  return blockers.map((b) => `pid ${b.pid} (${b.state}) ${b.command}`).join(', ');
}

function portsText(ports: Readonly<Record<string, number>>): string {
  const all = Object.entries(ports).map(([name, port]) => `${name} ${port}`);
  return all.length === 0 ? '' : `, port ${all.join(', ')}`;
}

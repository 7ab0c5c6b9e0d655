import type { AgentView } from '../contract/view.js';
import type { AgentState } from '../model/agent.js';
import { isWaiting } from '../model/report.js';
import type { AgentRow } from '../protocol/operations.js';

const AGE_UNITS: readonly (readonly [name: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
];
const HEALTHS: ReadonlySet<string> = new Set(['running.unknown', 'running.healthy', 'running.unhealthy']);
const SIZES = ['kB', 'MB', 'GB', 'TB'];

/** The time since `since` in its largest unit: 12s, 3m, 2h, 4d. A clock that is behind gives 0s. */
export function age(since: number, now: number): string {
  return duration(now - since);
}

/** Milliseconds in the largest whole unit. */
export function duration(ms: number): string {
  for (const [name, unit] of AGE_UNITS) if (ms >= unit) return `${Math.floor(ms / unit)}${name}`;
  return `${Math.max(0, Math.floor(ms / 1_000))}s`;
}

/** The time of day here: 12:03:44. */
export function timeOfDay(at: number): string {
  const date = new Date(at);
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

/** Bytes in powers of 1000: 12.3 MB. */
export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const power = Math.min(SIZES.length, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1_000 ** power).toFixed(1)} ${SIZES[power - 1]}`;
}

export function percent(value: number): string {
  return `${value.toFixed(1)}%`;
}

/** Named ports as `http:8100 admin:8101`; `-` when there are none. */
export function ports(row: Pick<AgentRow, 'ports'>): string {
  const all = Object.entries(row.ports).map(([name, port]) => `${name}:${port}`);
  return all.length === 0 ? '-' : all.join(' ');
}

/** A state with its sub-state: `stopping.asking`. Sub-states that only repeat the health are left out. */
export function stateText({ state, detail }: { state: string; detail: string }): string {
  return detail === '' || HEALTHS.has(detail) ? state : detail;
}

/** The state of an agent for a table. A failed one shows what follows: `exhausted`, or the time until the next attempt. */
export function stateCell({ state, detail, retryIn, since }: AgentView, now: number): string {
  if (isWaiting({ detail })) return detail;
  if (state !== 'failed') return state;
  if (isExhausted({ detail })) return 'exhausted';
  if (retryIn === null) return state;
  const left = since + retryIn - now;
  if (left <= 0) return 'retrying';
  return `retrying in ${left < 1_000 ? `${Math.round(left)} ms` : `${Math.round(left / 1_000)} s`}`;
}

/** True for an agent that has used up its restarts. */
export function isExhausted({ detail }: Pick<AgentView, 'detail'>): boolean {
  return detail === 'failed.exhausted';
}

/** The present state of an agent, in one line. */
export function summary(row: AgentRow): string {
  const facts = [`${row.path} is ${row.state}`];
  if (row.pid !== null) facts.push(`pid ${row.pid}`);
  if (Object.keys(row.ports).length > 0) facts.push(`ports ${ports(row)}`);
  return facts.join(', ');
}

/** A text in the colour of a state, for a terminal. */
export type Paint = (state: AgentState | 'other', text: string) => string;

/** SGR codes (ECMA-48). */
const COLOURS: Readonly<Record<AgentState | 'other', number>> = {
  spawning: 36,
  running: 32,
  paused: 33,
  stopping: 33,
  zombie: 31,
  failed: 31,
  completed: 2,
  stopped: 2,
  other: 1,
};

const RESET = '\x1b[0m';

/** Every sequence that `colourful` writes (ECMA-48, SGR). */
export const SGR: readonly string[] = [RESET, ...new Set(Object.values(COLOURS).map((code) => `\x1b[${code}m`))];

export const colourful: Paint = (state, text) => `\x1b[${COLOURS[state]}m${text}${RESET}`;
export const plain: Paint = (_state, text) => text;

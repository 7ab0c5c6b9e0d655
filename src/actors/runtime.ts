import type { AgentState } from '../model/agent.js';
import type { Clock } from './clock.js';

/** The part of `maxRuntime` that one incarnation has left. */
export interface Runtime {
  /** In ms, when it was last counted. */
  left: number;
  /** Since when it is counted down; `null` while it is not. */
  since: number | null;
  timer: unknown;
}

/** What a limit of its time needs of an agent. */
export interface Limited {
  readonly spec: { readonly maxRuntime: number };
  readonly stop: () => void;
  overLimit: { readonly cause: 'timeout'; readonly detail: string } | object | null;
  runtime: Runtime | null;
}

/**
 * Follows the states of an agent whose time is limited: it counts from the launch, stands still while the agent is paused, and ends
 * when the agent is being ended, for whatever reason. When it is over, the agent is stopped for good, as a person would.
 */
export function limitRuntime(clock: Clock, cell: Limited, state: AgentState): void {
  const { maxRuntime } = cell.spec;
  if (maxRuntime === Number.POSITIVE_INFINITY) return;
  if (state === 'spawning') {
    endRuntime(clock, cell);
    cell.runtime = { left: maxRuntime, since: null, timer: undefined };
    count(clock, cell, cell.runtime);
  } else if (cell.runtime === null) return;
  else if (state === 'running') count(clock, cell, cell.runtime);
  else if (state === 'paused') hold(clock, cell.runtime);
  else endRuntime(clock, cell);
}

/** Nothing is counted any more. */
export function endRuntime(clock: Clock, cell: Limited): void {
  clock.clearTimeout(cell.runtime?.timer);
  cell.runtime = null;
}

function count(clock: Clock, cell: Limited, runtime: Runtime): void {
  if (runtime.since !== null) return;
  runtime.since = clock.now();
  runtime.timer = clock.setTimeout(() => {
    cell.overLimit = { cause: 'timeout', detail: `its maxRuntime of ${cell.spec.maxRuntime} ms was over` };
    cell.stop();
  }, runtime.left);
}

function hold(clock: Clock, runtime: Runtime): void {
  if (runtime.since === null) return;
  clock.clearTimeout(runtime.timer);
  runtime.left = Math.max(0, runtime.left - (clock.now() - runtime.since));
  runtime.since = null;
}

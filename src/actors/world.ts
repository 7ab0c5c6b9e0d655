import type { InspectionEvent } from 'xstate';
import type { Clock } from '../contract/clock.js';
import type { Driver } from '../drivers/driver.js';
import type { agentMachine } from '../machines/agent.js';
import type { supervisorMachine } from '../machines/supervisor.js';
import type { systemRootMachine } from '../machines/system-root.js';
import type { AgentSpec } from '../model/spec.js';
import type { DeadlineClock } from './deadlines.js';
import type { Ports } from './ports/ports.js';
import type { Registry } from './registry.js';
import type { Reports } from './reports.js';
import type { ChangeNotes } from './resume/entries.js';
import type { Past } from './resume/past.js';
import type { Steps } from './steps.js';
import type { TimingWheel } from './timing-wheel.js';
import type { Monitor } from './usage/monitor.js';

/** The charts of a tree with their effects provided. */
export interface Logics {
  readonly agent: typeof agentMachine;
  readonly supervisor: typeof supervisorMachine;
  readonly systemRoot: typeof systemRootMachine;
}

/** The objects that all actors of one tree share. */
export interface World {
  readonly clock: Clock;
  /** Returns a number in [0, 1). */
  readonly random: () => number;
  readonly reports: Reports;
  /** Reports a thrown value as an `error` of the agent or supervisor at `path`. Never throws. */
  readonly reportError: (path: string, thrown: unknown) => void;
  readonly registry: Registry;
  /** The steps of charts and engines, and the clock of their actors. */
  readonly steps: Steps;
  readonly ports: Ports;
  /** The clock for deadlines of agents. */
  readonly deadlines: DeadlineClock;
  readonly monitor: Monitor;
  /** The times of all liveness probes. */
  readonly wheel: TimingWheel;
  /** The waits for the rest of unfinished lines: they are no deadlines. */
  readonly lineWheel: TimingWheel;
  readonly driverOf: (spec: AgentSpec) => Driver;
  /** What an earlier program has left; `null` without a store. */
  readonly past: Past | null;
  /** `null` without a store. */
  readonly recorder: ChangeNotes | null;
  /** True when the tree has ended: nothing of it may start any more. */
  readonly isOver: () => boolean;
  /** The environment that every agent inherits. */
  readonly env: Readonly<Record<string, string>>;
  /** The endpoint of the server, SUPERTREE_ENDPOINT of agents; `null` without a server. */
  readonly endpoint: string | null;
  /** The charts with their effects, made once for the whole tree. */
  readonly logics: Logics;
  /** Receives XState's inspection events of all actors; already isolated. */
  readonly inspect: ((event: InspectionEvent) => void) | undefined;
}

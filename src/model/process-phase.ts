import type { BodyFact } from './agent.js';

/*
 * The phases of one incarnation of a process, for every driver that runs processes. A driver keeps the phase. Before it carries out a command or reports
 * a fact, it looks up the next phase in the table; without one it does nothing. So the facts of every driver come in the order that `Incarnation`
 * promises, whatever the order of the events from the operating system.
 */

export type ProcessPhase =
  /** It waits in the queue of starts. */
  | 'queued'
  /** It was ended while it waited in the queue. */
  | 'cancelled'
  /** The process is being created. */
  | 'spawning'
  | 'running'
  /** The processes of its tree are being stopped by SIGSTOP. */
  | 'freezing'
  | 'frozen'
  /** The main process has ended; whether members of its tree are left is not known yet. */
  | 'exited'
  /** Members of its tree are left, and its output is not read to the end. */
  | 'left'
  /** Members of its tree are left, and its output is read to the end. */
  | 'left-drained'
  /** Its tree is empty, and its output is not read to the end. */
  | 'draining'
  /** Nothing is left, and nothing more is reported. */
  | 'ended';

/** The commands for an incarnation (see `Incarnation`), and `begin`: it has reached the front of the queue of starts. */
export type ProcessCommand = 'begin' | 'ask' | 'kill' | 'signal' | 'freeze' | 'thaw';

/** The facts that a driver reports about a process. */
export type ProcessFact = Extract<
  BodyFact,
  { type: 'SPAWNED' | 'SPAWN_FAILED' | 'EXITED' | 'GONE' | 'DRAINED' | 'FROZEN' | 'FREEZE_FAILED' }
>;

/** The steps between phases. The phase after EXITED depends on its fields `empty` and `drained`. */
export type ProcessStep = ProcessCommand | 'exit' | Exclude<ProcessFact['type'], 'EXITED'> | ExitedStep;

type ExitedStep = 'EXITED' | 'EXITED empty' | 'EXITED drained' | 'EXITED empty drained';

type Edges = Readonly<Partial<Record<ProcessStep, ProcessPhase>>>;

/** The commands that are allowed while members of the tree may be alive. */
function tree(phase: ProcessPhase): Edges {
  return { ask: phase, kill: phase, signal: phase, thaw: phase };
}

/** `exit`: the main process has ended; EXITED reports that as soon as the driver knows which members are left. A freeze without a running process fails. */
export const PROCESS_PHASES: Readonly<Record<ProcessPhase, Edges>> = {
  queued: {
    begin: 'spawning',
    ask: 'cancelled',
    kill: 'cancelled',
    SPAWN_FAILED: 'ended',
    FREEZE_FAILED: 'queued',
  },
  cancelled: { GONE: 'ended' },
  spawning: { SPAWNED: 'running', SPAWN_FAILED: 'ended', FREEZE_FAILED: 'spawning' },
  running: { ...tree('running'), freeze: 'freezing', exit: 'exited' },
  freezing: {
    ...tree('running'),
    signal: 'freezing',
    freeze: 'freezing',
    FROZEN: 'frozen',
    FREEZE_FAILED: 'running',
    exit: 'exited',
  },
  frozen: { ...tree('running'), kill: 'frozen', signal: 'frozen', freeze: 'freezing', exit: 'exited' },
  exited: {
    ...tree('exited'),
    FREEZE_FAILED: 'exited',
    EXITED: 'left',
    'EXITED drained': 'left-drained',
    'EXITED empty': 'draining',
    'EXITED empty drained': 'ended',
  },
  left: { ...tree('left'), FREEZE_FAILED: 'left', DRAINED: 'left-drained', GONE: 'draining' },
  'left-drained': { ...tree('left-drained'), FREEZE_FAILED: 'left-drained', GONE: 'ended' },
  draining: { DRAINED: 'ended' },
  ended: {},
};

/** The phase that a command or a fact leads to; `null` when it is not allowed in this phase: then the command is ignored, and the fact is not reported. */
export function phaseAfter(phase: ProcessPhase, step: ProcessStep | ProcessFact): ProcessPhase | null {
  return PROCESS_PHASES[phase][typeof step === 'string' ? step : stepOf(step)] ?? null;
}

/** True while the process or members of its tree may be alive. */
export function hasTree(phase: ProcessPhase): boolean {
  return 'signal' in PROCESS_PHASES[phase];
}

/** True while the main process is known to be alive. */
export function isRunning(phase: ProcessPhase): boolean {
  return 'exit' in PROCESS_PHASES[phase];
}

function stepOf(fact: ProcessFact): ProcessStep {
  if (fact.type !== 'EXITED') return fact.type;
  return `EXITED${fact.empty ? ' empty' : ''}${fact.drained ? ' drained' : ''}` as ExitedStep;
}

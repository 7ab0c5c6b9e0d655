import type { BodyFact } from './agent.js';

/*
 * The phases of one incarnation of a process, for every driver that runs processes. A driver keeps the phase and asks the table for the
 * next one before it obeys a command and before it reports a fact; where there is none, it does nothing. So the facts of every driver come
 * in the order that `Incarnation` promises, whatever the order in which the system says things.
 */

export type ProcessPhase =
  /** It waits for its turn to be started. */
  | 'queued'
  /** It was ended before its turn. */
  | 'cancelled'
  /** The system is asked for it. */
  | 'spawning'
  | 'running'
  /** Its tree is being stopped in place. */
  | 'freezing'
  | 'frozen'
  /** The main process has ended; what is left of its tree is not known yet. */
  | 'exited'
  /** Members of its tree are left, and its output is not read to the end. */
  | 'left'
  /** Members of its tree are left, and its output is read to the end. */
  | 'left-drained'
  /** Its tree is empty, and its output is not read to the end. */
  | 'draining'
  /** Nothing is left, and nothing more is reported. */
  | 'ended';

/** What is asked of an incarnation (`Incarnation`). `begin`: its turn to be started has come. */
export type ProcessCommand = 'begin' | 'ask' | 'kill' | 'signal' | 'freeze' | 'thaw';

/** What a driver reports of a process. */
export type ProcessFact = Extract<
  BodyFact,
  { type: 'SPAWNED' | 'SPAWN_FAILED' | 'EXITED' | 'GONE' | 'DRAINED' | 'FROZEN' | 'FREEZE_FAILED' }
>;

/** What leads from one phase to the next. EXITED leads to where what it says leads to. */
export type ProcessStep = ProcessCommand | 'exit' | Exclude<ProcessFact['type'], 'EXITED'> | ExitedStep;

type ExitedStep = 'EXITED' | 'EXITED empty' | 'EXITED drained' | 'EXITED empty drained';

type Edges = Readonly<Partial<Record<ProcessStep, ProcessPhase>>>;

/** What may be asked while members of the tree may live. */
function tree(phase: ProcessPhase): Edges {
  return { ask: phase, kill: phase, signal: phase, thaw: phase };
}

/** `exit`: the main process has ended, which EXITED reports when the driver knows what is left. A freeze of what does not run fails. */
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

/** The phase that a command or a fact leads to; `null` where it has no place: the command is not obeyed, the fact not reported. */
export function phaseAfter(phase: ProcessPhase, step: ProcessStep | ProcessFact): ProcessPhase | null {
  return PROCESS_PHASES[phase][typeof step === 'string' ? step : stepOf(step)] ?? null;
}

/** True while the process or members of its tree may live. */
export function hasTree(phase: ProcessPhase): boolean {
  return 'signal' in PROCESS_PHASES[phase];
}

/** True while the main process is known to live. */
export function isRunning(phase: ProcessPhase): boolean {
  return 'exit' in PROCESS_PHASES[phase];
}

function stepOf(fact: ProcessFact): ProcessStep {
  if (fact.type !== 'EXITED') return fact.type;
  return `EXITED${fact.empty ? ' empty' : ''}${fact.drained ? ' drained' : ''}` as ExitedStep;
}

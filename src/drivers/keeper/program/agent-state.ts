/*
 * The states of an agent in its keeper, from the request to start it until the program above has all its records. A command or an event without a next
 * state does nothing.
 */

export type AgentState =
  /** It is being spawned. */
  | 'new'
  | 'running'
  /** Its main process was reaped, which is reported as soon as its output was read. */
  | 'exiting'
  /** The end of its main process is reported, and some of its descendants are left. */
  | 'exited'
  /** No process of it is left, or it was never spawned; output or records are left. */
  | 'gone'
  /** Nothing of it is left. */
  | 'forgotten';

export type AgentCommand = 'ask' | 'kill' | 'signal' | 'freeze' | 'thaw' | 'input';

/** `emptied`: the last process of its tree was reaped. `settled`: its output is read to the end and all its records are acknowledged. */
export type AgentEvent = 'spawned' | 'failed' | 'reaped' | 'exited' | 'exited empty' | 'emptied' | 'settled';

export type AgentStep = AgentCommand | AgentEvent;

type Steps = Readonly<Partial<Record<AgentStep, AgentState>>>;

/** The commands for a tree that may have members. */
function tree(state: AgentState): Steps {
  return { ask: state, kill: state, signal: state, thaw: state };
}

export const AGENT_STATES: Readonly<Record<AgentState, Steps>> = {
  new: { spawned: 'running', failed: 'gone' },
  running: { ...tree('running'), freeze: 'running', input: 'running', reaped: 'exiting' },
  exiting: { ...tree('exiting'), exited: 'exited', 'exited empty': 'gone' },
  exited: { ...tree('exited'), emptied: 'gone' },
  gone: { settled: 'forgotten' },
  forgotten: {},
};

/** The state after a step; `null` when the step is not allowed in this state. */
export function stateAfter(state: AgentState, step: AgentStep): AgentState | null {
  return AGENT_STATES[state][step] ?? null;
}

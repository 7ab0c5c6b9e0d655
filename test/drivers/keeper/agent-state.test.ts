import { describe, expect, it } from 'vitest';
import {
  AGENT_STATES,
  type AgentCommand,
  type AgentState,
  type AgentStep,
  stateAfter,
} from '../../../src/drivers/keeper/program/agent-state.js';

const STATES = Object.keys(AGENT_STATES) as AgentState[];
const COMMANDS: readonly AgentCommand[] = ['ask', 'kill', 'signal', 'freeze', 'thaw', 'input'];

function stateBy(...steps: AgentStep[]): AgentState | null {
  return steps.reduce<AgentState | null>((state, step) => (state === null ? null : stateAfter(state, step)), 'new');
}

describe('the states of an agent in its keeper', () => {
  it('lead from the start to the last record', () => {
    expect(stateBy('spawned', 'reaped', 'exited', 'emptied', 'settled')).toBe('forgotten');
    expect(stateBy('spawned', 'reaped', 'exited empty', 'settled')).toBe('forgotten');
    expect(stateBy('failed', 'settled')).toBe('forgotten');
  });

  it('never lead from a tree that may have members to the end without its last reaping', () => {
    const withTree = STATES.filter((state) => stateAfter(state, 'kill') !== null);
    expect(withTree).toEqual(['running', 'exiting', 'exited']);
    expect(withTree.map((state) => stateAfter(state, 'settled'))).toEqual([null, null, null]);
  });

  it('report the end of the main process before that of its tree', () => {
    expect(stateBy('spawned', 'emptied')).toBeNull();
    expect(stateBy('spawned', 'reaped', 'emptied')).toBeNull();
  });

  it('are not changed by commands', () => {
    for (const state of STATES)
      for (const command of COMMANDS) expect([null, state]).toContain(stateAfter(state, command));
  });

  it('allow input and a freeze while the main process runs, and no command without a tree', () => {
    expect(STATES.filter((state) => stateAfter(state, 'input'))).toEqual(['running']);
    expect(STATES.filter((state) => stateAfter(state, 'freeze'))).toEqual(['running']);
    for (const state of ['new', 'gone', 'forgotten'] as const)
      expect(COMMANDS.map((command) => stateAfter(state, command))).toEqual(COMMANDS.map(() => null));
  });

  it('are all reached', () => {
    const reached = new Set(STATES.flatMap((state) => Object.values(AGENT_STATES[state])));
    expect(STATES.filter((state) => state !== 'new' && !reached.has(state))).toEqual([]);
  });
});

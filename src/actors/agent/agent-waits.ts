import type { AgentView, LineItem, LinesOptions, WaitOptions } from '../../contract/view.js';
import { SupertreeError } from '../../errors.js';
import { AGENT_STATES, type AgentState } from '../../model/agent.js';
import type { ExitRecord } from '../../model/exit.js';
import { LineReader } from '../output/line-reader.js';
import type { World } from '../world.js';
import { type Agent, isAtRest, stateOf, viewOf } from './agent.js';
import type { AgentRecord } from './agent-record.js';
import { until, watchAgent } from './waiting.js';

/** The subject of a wait: an agent, over the restarts of its supervisor. */
export interface Waits {
  readonly world: World;
  readonly record: AgentRecord;
  /** The present agent, or the last one before its removal. */
  readonly agent: () => Agent;
}

/** The exit record of the present incarnation. Rejects INVALID_STATE when no end can follow. */
export function exitOf(waits: Waits): Promise<ExitRecord> {
  const { incarnation } = waits.record;
  const now = waits.agent();
  const wanted = isAtRest(now) ? (now.exit?.incarnation ?? incarnation + 1) : incarnation;
  return until<ExitRecord>(waits.record, () => {
    const agent = waits.agent();
    if (isAtRest(agent) && agent.exit !== null && agent.exit.incarnation >= wanted) return agent.exit;
    return hasEnded(waits) ? tooLate('await the exit of', waits) : undefined;
  });
}

/** Waits for one of these states. Rejects OPTION_INVALID, TIMEOUT, INVALID_STATE, and with the reason of the signal. */
export function waitForState(
  waits: Waits,
  state: AgentState | readonly AgentState[],
  { timeout, signal }: WaitOptions,
): Promise<AgentView> {
  const wanted = wantedStates(state);
  const words = [...wanted].join(' or ');
  return until<AgentView>(
    waits.record,
    () => {
      const agent = waits.agent();
      if (wanted.has(stateOf(agent))) return viewOf(agent);
      return hasEnded(waits) ? tooLate(`wait for ${words} of`, waits) : undefined;
    },
    { clock: waits.world.clock, what: `The wait for ${waits.agent().path} to be ${words}`, timeout, signal },
  );
}

/** The lines of an agent, over its restarts and those of its supervisor. */
export function linesOf(waits: Waits, options: LinesOptions): AsyncIterableIterator<LineItem> {
  const { output } = waits.agent();
  const source = {
    page: output.page.bind(output),
    isOver: () => hasEnded(waits),
    onChange: (listener: () => void) => {
      const releases = [output.onLine(listener), watchAgent(waits.record, listener)];
      return () => {
        for (const release of releases) release();
      };
    },
  };
  return new LineReader(source, options);
}

/** True when it was removed, or its tree has ended: its state will not change. */
function hasEnded({ world, record, agent }: Waits): boolean {
  const { path } = agent();
  return isAtRest(agent()) && (world.isOver() || world.registry.isForgotten(path, record));
}

function tooLate(command: string, { agent }: Waits): SupertreeError {
  return new SupertreeError('INVALID_STATE', { command, agent: agent().path, state: stateOf(agent()) });
}

function wantedStates(state: AgentState | readonly AgentState[]): ReadonlySet<AgentState> {
  const states: readonly AgentState[] = typeof state === 'string' ? [state] : state;
  if (states.length > 0 && states.every((each) => AGENT_STATES.includes(each))) return new Set(states);
  const rule = `must be one or several of ${AGENT_STATES.join(', ')}`;
  throw new SupertreeError('OPTION_INVALID', { option: 'state', rule, got: states.join(', ') || 'none' });
}

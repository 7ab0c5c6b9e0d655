import type { AgentState } from '../src/model/agent.js';
import { STATUS_OF } from '../src/protocol/status.js';
import { wordsOf } from './declarations.js';
import { code, table } from './markdown.js';

/** The types that are one of several words, with the file that declares each. */
const WORDS: Readonly<Record<string, string>> = {
  AgentState: 'model/agent.ts',
  Health: 'model/agent.ts',
  Cause: 'model/exit.ts',
  PauseMode: 'model/spec.ts',
  StreamName: 'model/spec.ts',
  RestartType: 'model/spec.ts',
  Strategy: 'model/spec.ts',
  SupervisorStatus: 'model/report.ts',
};

/** How to read the types of the tables, and the words that stand for themselves. */
export function wordTables(): string[] {
  return [
    'In these tables `X[]` is a list, `Record<string, X>` a map, `X | null` may be nil, `Uint8Array` is bin, and a name with `?` may be absent. Numbers are integers unless a fraction is needed. An agent is named by its path, by its id where that is unique, or by its uuid as text.',
    table(
      ['type', 'one of'],
      Object.entries(WORDS).map(([name, file]) => [code(name), wordsOf(file, name).map(code).join(', ')]),
    ),
  ];
}

/** Our states in the words of the agent protocol. */
export function statusTable(): string {
  const states = Object.entries(STATUS_OF) as [AgentState, string][];
  return table(
    ['state', 'status'],
    states.map(([state, status]) => [code(state), code(status)]),
  );
}

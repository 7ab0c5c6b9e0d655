import { asSupertreeError, type SupertreeError } from '../errors.js';
import type { AgentRow, SupervisorMark } from '../protocol/operations.js';
import { EXIT, exitCodeOf, lineOf } from './exit.js';
import { summary } from './format.js';
import type { Host } from './host.js';
import { typedRemedy } from './remedies.js';
import { printLines } from './session.js';

/** What is in the tree no more. */
export interface Gone {
  readonly path: string;
  readonly status: 'deleted';
}

/** What is told of one of those that were named. */
type Row = AgentRow | SupervisorMark | Gone;

/** What became of one of those that were named. */
export interface Outcome {
  /** As it was named. */
  readonly agent: string;
  readonly row: Row | null;
  readonly error: SupertreeError | null;
}

/** Does `act` and prints in one line what came of it; with `json` only a failure. Never rejects: one that is refused does not keep the others from being told about. */
export async function tell(
  host: Host,
  agent: string,
  json: boolean,
  interrupted: AbortSignal,
  act: (agent: string) => Promise<Row>,
): Promise<Outcome> {
  try {
    const row = await act(agent);
    if (!json) printLines(host.out, ['status' in row ? `${row.path} is ${row.status}` : summary(row)]);
    return { agent, row, error: null };
  } catch (thrown) {
    const error = asSupertreeError(thrown);
    if (!interrupted.aborted) printLines(host.err, [lineOf(error)]);
    return { agent, row: null, error };
  }
}

/** The exit code of all of them. */
export function codeOf(outcomes: readonly Outcome[]): number {
  return Math.max(...outcomes.map(({ error }) => (error === null ? EXIT.done : exitCodeOf(error))));
}

export function toJson({ agent, row, error }: Outcome): object {
  return { agent, row, error: error && { code: error.code, message: error.message, remedy: typedRemedy(error) } };
}

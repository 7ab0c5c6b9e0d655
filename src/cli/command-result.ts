import { asSupertreeError, type SupertreeError } from '../errors.js';
import type { AgentRow, SupervisorMark } from '../protocol/operations.js';
import { EXIT, exitCodeOf, lineOf } from './exit.js';
import { summary } from './format.js';
import type { Host } from './host.js';
import { typedRemedy } from './remedies.js';
import { printLines } from './session.js';

/** A child that was removed from the tree. */
export interface DeletedChild {
  readonly path: string;
  readonly status: 'deleted';
}

/** The state of a named agent or supervisor after the command. */
type Row = AgentRow | SupervisorMark | DeletedChild;

/** The result of a command for one named agent or supervisor. */
export interface CommandResult {
  /** The name as it was given. */
  readonly agent: string;
  readonly row: Row | null;
  readonly error: SupertreeError | null;
}

/** Does `act` and prints its result in one line; with `json` only an error. Never rejects, so one failure does not hide the other results. */
export async function runAndPrint(
  host: Host,
  agent: string,
  json: boolean,
  interrupted: AbortSignal,
  act: (agent: string) => Promise<Row>,
): Promise<CommandResult> {
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

/** The exit code for several results. */
export function exitCodeOfResults(results: readonly CommandResult[]): number {
  return Math.max(...results.map(({ error }) => (error === null ? EXIT.done : exitCodeOf(error))));
}

export function toJson({ agent, row, error }: CommandResult): object {
  return { agent, row, error: error && { code: error.code, message: error.message, remedy: typedRemedy(error) } };
}

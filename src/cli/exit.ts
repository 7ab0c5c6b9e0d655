import { CommanderError } from 'commander';
import { asSupertreeError, type ErrorCode, SupertreeError } from '../errors.js';
import { typedRemedy } from './remedies.js';

/** The exit codes of `supertree`, for scripts. A command that a signal interrupts exits with 128 and its number. */
export const EXIT = { done: 0, failed: 1, usage: 2, noServer: 3, SIGINT: 130, SIGTERM: 143 } as const;

/** Codes that do not mean `failed`. */
const SPECIAL: Partial<Record<ErrorCode, number>> = {
  USAGE: EXIT.usage,
  ENDPOINT_INVALID: EXIT.usage,
  NO_SERVER: EXIT.noServer,
};

/** The wait for an answer was interrupted by a signal. `note` says what happens to the command. */
export class Interrupted extends Error {
  constructor(
    readonly signal: 'SIGINT' | 'SIGTERM',
    readonly note: string,
  ) {
    super(note);
  }
}

/** The ending of a run that threw: the line for standard error (may be empty) and the exit code. */
export function endingOf(thrown: unknown): { line: string; code: number } {
  if (thrown instanceof Interrupted) return { line: thrown.note, code: EXIT[thrown.signal] };
  if (thrown instanceof CommanderError) return { line: '', code: thrown.exitCode === 0 ? EXIT.done : EXIT.usage };
  const error = asSupertreeError(thrown);
  return { line: lineOf(error), code: exitCodeOf(error) };
}

export function exitCodeOf(error: SupertreeError): number {
  return SPECIAL[error.code] ?? EXIT.failed;
}

/** Code, sentence and remedy on one line. */
export function lineOf(error: SupertreeError): string {
  return `${error.code}: ${error.message} ${typedRemedy(error)}`.replace(/\s+/g, ' ').trim();
}

/** Commander's error about `command` as a USAGE error. Help and the version are no errors and are returned unchanged. */
export function usageError(error: CommanderError, command: string): Error {
  if (error.exitCode === 0 || error.code === 'commander.help') return error;
  return new SupertreeError('USAGE', { problem: sentence(error.message), command });
}

function sentence(message: string): string {
  const text = message
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

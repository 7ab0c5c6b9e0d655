import { SupertreeError } from '../src/errors.js';

/** The code of the error with which the work is rejected; its text when it has no code, and `done` when it is not rejected. */
export function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (thrown: unknown) => (thrown instanceof SupertreeError ? thrown.code : String(thrown)),
  );
}

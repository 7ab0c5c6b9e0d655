import { asSupertreeError } from '../../errors.js';
import { broken, type Finding } from '../../model/finding.js';

/** A check that has thrown: the error with its remedy. */
export function refused(check: string, thrown: unknown): Finding {
  const { message, remedy } = asSupertreeError(thrown);
  return broken(check, message.replace(/\.$/, ''), remedy);
}

import type { ExitRecord } from './exit.js';

/**
 * Why something ended, in OTP's terms (OTP supervisor, "exit reasons"): a closed set, because restart decisions depend on it. `start-failed` is not a
 * crash: it never became ready. `exhausted` is a supervisor that has used up its budget (under `otpExact` it is `shutdown`).
 */
export type Reason =
  | { readonly kind: 'normal' | 'shutdown' | 'killed' }
  | { readonly kind: 'abnormal' | 'start-failed' | 'exhausted'; readonly detail: string };

/** True for the reasons after which a transient child is not restarted (R2). */
export function isClean(reason: Reason): boolean {
  return reason.kind === 'normal' || reason.kind === 'shutdown';
}

/** The reason as the end of a sentence: `exit code 3`, `signal SIGKILL`, `shutdown`. */
export function describeReason(reason: Reason): string {
  return 'detail' in reason ? reason.detail : reason.kind;
}

/** The reason of an exit for a supervisor. A commanded end is `shutdown`, or `killed` when it took SIGKILL. */
export function reasonOfExit(exit: ExitRecord, successCodes: readonly number[]): Reason {
  if (exit.commanded) return { kind: exit.signal === 'SIGKILL' ? 'killed' : 'shutdown' };
  if (exit.readyAt === null) return { kind: 'start-failed', detail: describeExit(exit) };
  if (exit.cause === 'exit' && exit.code !== null && successCodes.includes(exit.code)) return { kind: 'normal' };
  return { kind: 'abnormal', detail: describeExit(exit) };
}

/** An exit as text, with its cause first unless code and signal imply it. */
export function describeExit(exit: ExitRecord): string {
  const how = exit.signal !== null ? `signal ${exit.signal}` : exit.code !== null ? `exit code ${exit.code}` : '';
  if (exit.cause === 'exit' || exit.cause === 'signal') {
    const when = exit.readyAt === null ? `${how} before it was ready` : how;
    return exit.detail === '' ? when : `${when}: ${exit.detail}`;
  }
  return [exit.cause, exit.detail, how].filter(Boolean).join(', ');
}

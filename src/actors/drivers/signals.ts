import { constants } from 'node:os';
import { SupertreeError } from '../../errors.js';

/** The name as the kernel's header has it: `term`, `SIGTERM` and `Term` are all SIGTERM. Throws SIGNAL_UNKNOWN. */
export function signalName(signal: string): NodeJS.Signals {
  const upper = signal.toUpperCase();
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  if (!Object.hasOwn(constants.signals, name)) throw unknown(signal);
  return name as NodeJS.Signals;
}

/** Sends to a process (positive) or a group (negative). False when there is nobody, or nobody whom we may signal. */
export function send(target: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(target, signal);
  } catch {
    return false; // ESRCH, EPERM: the look that follows shows what is left
  }
}

/** True when the group has a member, even one whom we may not signal. */
export function groupExists(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function unknown(signal: string): SupertreeError {
  return new SupertreeError('SIGNAL_UNKNOWN', { signal, known: Object.keys(constants.signals).join(', ') });
}

import { SupertreeError } from '../../errors.js';
import { SIGNAL_NAMES, signalName } from '../../model/signal.js';

/** The signal of that name, in any spelling that `signalName` accepts. Throws SIGNAL_UNKNOWN. */
export function signalOf(text: string): NodeJS.Signals {
  const name = signalName(text);
  if (name === null) throw new SupertreeError('SIGNAL_UNKNOWN', { signal: text, known: SIGNAL_NAMES.join(', ') });
  return name as NodeJS.Signals;
}

/** Sends to a process (positive) or a group (negative). False when there is none, or none that may be signalled. */
export function send(target: number, signal: NodeJS.Signals | number): boolean {
  try {
    return process.kill(target, signal);
  } catch {
    return false; // ESRCH, EPERM: the look that follows shows what is left
  }
}

/** True when the group has a member, even one that may not be signalled. */
export function groupExists(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

import type { Clock } from '../../contract/clock.js';
import { SupertreeError } from '../../errors.js';
import type { AgentRecord } from './agent-record.js';

/** The bounds of a wait: an abort, and a time on the clock of the tree. */
export interface WaitBounds {
  readonly clock: Clock;
  /** The name of the wait, as the subject of a sentence. */
  readonly what: string;
  /** In ms. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits for a condition of an agent. `outcome` is called now and after every change: `undefined` continues the wait, an Error rejects, anything else
 * resolves. Rejects TIMEOUT, and with the reason of the signal. Leaves nothing behind when it is settled.
 */
export function until<T>(record: AgentRecord, condition: () => T | Error | undefined, bounds?: WaitBounds): Promise<T> {
  return new Promise((resolve, reject) => {
    const releases: (() => void)[] = [];
    const settle = (found: T | Error): void => {
      for (const release of releases) release();
      if (found instanceof Error) reject(found);
      else resolve(found);
    };
    const look = (): boolean => {
      const found = condition();
      if (found !== undefined) settle(found);
      return found !== undefined;
    };
    if (bounds?.signal?.aborted) return reject(bounds.signal.reason);
    if (look()) return;
    releases.push(watchAgent(record, look));
    if (bounds === undefined) return;
    const end = (reason: unknown): void => {
      for (const release of releases) release();
      reject(reason);
    };
    releases.push(...limited(bounds, end));
  });
}

/** Calls `watcher` after every change of an agent. Returns a function that removes the watcher. */
export function watchAgent(record: AgentRecord, watcher: () => void): () => void {
  record.watchers ??= new Set();
  record.watchers.add(watcher);
  return () => {
    record.watchers?.delete(watcher);
    if (record.watchers?.size === 0) record.watchers = null;
  };
}

/** Calls the watchers of an agent after a change. */
export function notifyWatchers(record: AgentRecord): void {
  if (record.watchers === null) return;
  for (const watcher of [...record.watchers]) watcher();
}

function limited({ clock, what, timeout, signal }: WaitBounds, end: (reason: unknown) => void): (() => void)[] {
  const releases: (() => void)[] = [];
  if (timeout !== undefined) {
    const timer = clock.setTimeout(() => end(new SupertreeError('TIMEOUT', { what, timeout })), timeout);
    releases.push(() => clock.clearTimeout(timer));
  }
  if (signal !== undefined) {
    const onAbort = (): void => end(signal.reason);
    signal.addEventListener('abort', onAbort);
    releases.push(() => signal.removeEventListener('abort', onAbort));
  }
  return releases;
}

import type { HeardLiveness, ProbedLiveness, StreamName } from '../../../model/spec.js';
import type { TimingWheel } from '../../timing-wheel.js';
import type { Probe } from './probe.js';

/** Receives the results of a watch. */
export interface LivenessListener {
  passed(): void;
  failed(problem: string): void;
  /** Each kind of problem of a probe that could not be run is reported once. It says nothing about the agent. */
  unknown(problem: string): void;
}

/** A watch over the liveness of one incarnation. */
export interface LivenessWatch {
  /** It has sent WATCHDOG=1. */
  fed(): void;
  /** It has written something. */
  wrote(stream: StreamName): void;
  /** Ends the watch: the listener is not called afterwards, and nothing of a probe is left. Idempotent. */
  cancel(): void;
}

/** The part of an agent that belongs to the watch over its liveness. */
export interface WatchedAgent {
  /** The watch over its liveness; `null` while its liveness is not watched. */
  liveness: LivenessWatch | null;
  /** The last incarnation whose liveness was watched; 0 without one. */
  livenessWatched: number;
}

/** What every watch needs. */
interface WatchOptions {
  readonly wheel: Pick<TimingWheel, 'after'>;
  /** Monotonic ms. */
  readonly now: () => number;
  /** True when it is watched anew after a pause: the initial delay is not repeated. */
  readonly isResumed: boolean;
  readonly listener: LivenessListener;
}

/** Runs a probe again and again. The next run begins a period after the beginning of the last one, but never before that has ended. */
export function watchByProbe(liveness: ProbedLiveness, probe: Probe, options: WatchOptions): LivenessWatch {
  const { wheel, now, isResumed, listener } = options;
  const reported = new Set<string>();
  let cancel: () => void;
  const run = (): void => {
    const began = now();
    cancel = probe(liveness.timeout, (result) => {
      cancel = wheel.after(began + liveness.period - now(), run);
      if (result.outcome === 'passed') return listener.passed();
      if (result.outcome !== 'unknown') return listener.failed(result.text);
      if (!reported.has(result.text)) listener.unknown(result.text);
      reported.add(result.text);
    });
  };
  cancel = wheel.after(isResumed ? liveness.period : liveness.initialDelay, run);
  return { fed: ignore, wrote: ignore, cancel: () => cancel() };
}

/** Waits for silence. What is heard only notes the time: the wait is prolonged when it is over. */
export function watchForSilence(liveness: HeardLiveness, options: WatchOptions): LivenessWatch {
  const { wheel, now, isResumed, listener } = options;
  const { type, timeout } = liveness;
  let last = now() + (isResumed ? 0 : liveness.initialDelay);
  let isHeard = false;
  const judge = (): void => {
    const left = last + timeout - now();
    cancel = wheel.after(left > 0 ? left : timeout, judge);
    if (left > 0) return;
    isHeard = false;
    listener.failed(SILENCE[type](timeout));
  };
  const heard = (): void => {
    last = Math.max(last, now());
    if (isHeard) return;
    isHeard = true;
    listener.passed();
  };
  let cancel = wheel.after(last + timeout - now(), judge);
  return {
    fed: type === 'notify' ? heard : ignore,
    wrote: type === 'idle' ? (stream) => void ([stream, 'both'].includes(liveness.stream) && heard()) : ignore,
    cancel: () => cancel(),
  };
}

const SILENCE = {
  notify: (ms: number) => `it has sent no WATCHDOG=1 for ${ms} ms`,
  idle: (ms: number) => `it has written nothing for ${ms} ms`,
} as const;

function ignore(): void {}

import type { Clock } from '../../../contract/clock.js';

/**
 * The result of one run of a probe, with the reason as text. `foreign`: it failed because another process than the agent's answers. `unknown`: it could
 * not be run, for a reason that says nothing about the agent.
 */
export type ProbeResult =
  | { readonly outcome: 'passed' }
  | { readonly outcome: 'failed' | 'foreign' | 'unknown'; readonly text: string };

/**
 * One run of a probe of at most `timeout` ms. Calls `done` once, later. Returns a function that cancels the run: `done` is not called then, and nothing
 * of the run is left.
 */
export type Probe = (timeout: number, done: (result: ProbeResult) => void) => () => void;

/** The part of a clock that probes use. */
export type ProbeClock = Pick<Clock, 'setTimeout' | 'clearTimeout' | 'defer'>;

/** A listener on this machine, as its probes see it. */
export interface PortTarget {
  readonly port: number;
  readonly clock: ProbeClock;
  /** True when a process of the agent listens on the port, `undefined` when that cannot be known. If not given, any listener counts. */
  readonly ownsPort?: ((port: number) => boolean | undefined) | undefined;
}

/** The loopback addresses: a program that listens on `localhost` may have either of them alone. */
export const LOOPBACK = ['127.0.0.1', '::1'] as const;

/** Errors of a connection that say something about the listener. Others, such as EMFILE, are errors of this program. */
const OF_THE_LISTENER: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT']);

/** On a machine without IPv6 nothing can listen on ::1. */
const NO_ADDRESS: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'ENETUNREACH']);

/** True when nothing listens at the address: another one may be tried. */
export function isRefused({ code = '' }: NodeJS.ErrnoException): boolean {
  return code === 'ECONNREFUSED' || NO_ADDRESS.has(code);
}

/** The result of a probe whose connection failed. `what` is the subject of the sentence. Errors of HTTP come from the bytes of the listener. */
export function connectionResult(what: string, error: NodeJS.ErrnoException): ProbeResult {
  const { code = '' } = error;
  if (isRefused(error)) return { outcome: 'failed', text: `${what} is not accepted by a process of it` };
  if (OF_THE_LISTENER.has(code) || code.startsWith('HPE_'))
    return { outcome: 'failed', text: `${what}: ${error.message}` };
  return { outcome: 'unknown', text: `${what} could not be tried: ${error.message}` };
}

/** A foreign process on the port would make a dead agent look alive. */
export function foreignListener({ port, ownsPort }: PortTarget): ProbeResult | null {
  if (ownsPort?.(port) !== false) return null;
  return { outcome: 'foreign', text: `port ${port} is answered by a process that is not of this agent` };
}

/**
 * Runs `attempt` with each address in turn, until one is not refused. An attempt gets a function that settles it: with a result, or with `null` when
 * nothing listens there; it returns a function that ends it. After `timeout` ms the probe has failed with the text `late`.
 */
export function probeLoopback(
  clock: ProbeClock,
  timeout: { readonly ms: number; readonly late: string; readonly refused: string },
  attempt: (host: string, settle: (result: ProbeResult | null) => void) => () => void,
  done: (result: ProbeResult) => void,
): () => void {
  let over = false;
  let end = (): void => {};
  const finish = (result?: ProbeResult): void => {
    if (over) return;
    over = true;
    clock.clearTimeout(timer);
    end();
    if (result !== undefined) done(result);
  };
  const timer = clock.setTimeout(() => finish({ outcome: 'failed', text: timeout.late }), timeout.ms);
  const tryAt = (index: number): void => {
    const host = LOOPBACK[index];
    if (host === undefined) return finish({ outcome: 'failed', text: timeout.refused });
    end = attempt(host, (result) => {
      if (over) return;
      if (result !== null) return finish(result);
      end();
      tryAt(index + 1);
    });
  };
  tryAt(0);
  return () => finish();
}

import type { Clock } from '../../../contract/clock.js';
import type { OutputLine } from '../../../contract/view.js';
import type { StartOrder } from '../../../drivers/driver.js';
import type { ExecChain } from '../../../drivers/keeper/exec-chain.js';
import { messageOf } from '../../../errors.js';
import type { Readiness, StreamName } from '../../../model/spec.js';
import { commandProbe } from './command-probe.js';
import { httpProbe } from './http-probe.js';
import type { PortTarget, Probe, ProbeClock } from './probe.js';
import { tcpProbe } from './tcp-probe.js';

/** The sources of readiness. Times are milliseconds. */
export interface ReadinessOptions {
  readonly readiness: Readiness;
  /** The leased ports by name. */
  readonly ports: Readonly<Record<string, number>>;
  readonly output: { onLine(listener: (line: OutputLine) => void): () => void };
  readonly clock: Clock;
  /** The clock for the time limits of probes. If not given, `clock`. */
  readonly probeClock?: ProbeClock;
  /** Working directory and environment of an `exec` probe: those of the agent. If not given, those of this process. */
  readonly cwd?: string | null;
  readonly env?: StartOrder['env'] | undefined;
  /** The chain of an `exec` probe, as for `ProbeCommand`. */
  readonly chain?: ExecChain | string;
  /** True when a process of the agent listens on the port, `undefined` when that cannot be known. If not given, any listener counts. */
  readonly ownsPort?: (port: number) => boolean | undefined;
}

/** A wait for readiness. */
export interface ReadinessWatch {
  /** The result of the last failed poll, as text; empty before the first one. */
  readonly lastFailure: string;
  /** Receives a message of the readiness channel; only `READY=1` (sd_notify(3)) counts, and only for readiness `notify`. */
  word(word: string): void;
  /** Ends the watch: no callback is called afterwards, and no timer, socket, listener or process is left. Idempotent. */
  cancel(): void;
}

/**
 * Waits for one incarnation to become ready. Calls `onReady` once, never before it has returned, and then ends itself. Each kind of problem is passed to
 * `onProblem` once, as text; the watch continues. A failed poll is no problem but in `lastFailure`. It has no deadline except those of its probes: the
 * timeout of readiness is the caller's, who cancels.
 */
export function watchReadiness(
  options: ReadinessOptions,
  onReady: () => void,
  onProblem: (problem: string) => void,
): ReadinessWatch {
  return new Watch(options, onReady, onProblem);
}

class Watch implements ReadinessWatch {
  lastFailure = '';
  readonly #options: ReadinessOptions;
  readonly #onReady: () => void;
  readonly #onProblem: (problem: string) => void;
  readonly #reported = new Set<string>();
  #over = false;
  /** Undoes the present step: a timer, a socket, a listener, a process. */
  #undo: () => void = () => {};

  constructor(options: ReadinessOptions, onReady: () => void, onProblem: (problem: string) => void) {
    this.#options = options;
    this.#onReady = onReady;
    this.#onProblem = onProblem;
    this.#begin(options.readiness);
  }

  word(word: string): void {
    if (this.#options.readiness.type === 'notify' && word === 'READY=1') this.#ready();
  }

  cancel(): void {
    this.#over = true;
    this.#undo();
    this.#undo = () => {};
  }

  #begin(readiness: Readiness): void {
    switch (readiness.type) {
      case 'none':
        if (readiness.minUptime > 0) return this.#after(readiness.minUptime, () => this.#ready());
        return queueMicrotask(() => this.#ready());
      case 'port':
        return this.#pollPort(readiness, tcpProbe);
      case 'http':
        return this.#pollPort(readiness, (target) => httpProbe({ ...target, path: readiness.path }));
      case 'log':
        return this.#awaitLine(readiness);
      case 'exec':
        return this.#poll(readiness, this.#commandProbe(readiness.command));
      case 'notify':
        return;
    }
  }

  #ready(): void {
    if (this.#over) return;
    this.cancel();
    this.#onReady();
  }

  #problem(problem: string): void {
    if (this.#over || this.#reported.has(problem)) return;
    this.#reported.add(problem);
    this.#onProblem(problem);
  }

  #after(delay: number, next: () => void): void {
    if (this.#over) return;
    const { clock } = this.#options;
    const timer = clock.setTimeout(next, delay);
    this.#undo = () => clock.clearTimeout(timer);
  }

  get #probeClock(): ProbeClock {
    return this.#options.probeClock ?? this.#options.clock;
  }

  #pollPort(polling: Polling & { readonly port: string }, probeOf: (target: PortTarget) => Probe): void {
    const { ports, ownsPort } = this.#options;
    const clock = this.#probeClock;
    const port = ports[polling.port];
    if (port !== undefined) return this.#poll(polling, probeOf({ port, clock, ownsPort }));
    queueMicrotask(() => this.#problem(`it has no port named ${polling.port}`));
  }

  #commandProbe(command: readonly string[]): Probe {
    const { cwd = null, env, chain } = this.#options;
    return commandProbe({ command, cwd, env, clock: this.#probeClock, ...(chain !== undefined && { chain }) });
  }

  /** Runs the probe until it passes, each time after the previous run has ended. */
  #poll({ interval }: Polling, probe: Probe): void {
    const limit = Math.max(interval * TRY_FACTOR, SHORTEST_TRY);
    const run = (): void => {
      this.#undo = probe(limit, (result) => {
        this.#undo = () => {};
        if (result.outcome === 'passed') return this.#ready();
        this.lastFailure = result.text;
        if (result.outcome !== 'failed') this.#problem(result.text);
        this.#after(interval, run);
      });
    };
    this.#after(0, run);
  }

  #awaitLine({ pattern, flags, stream }: Extract<Readiness, { type: 'log' }>): void {
    const expression = this.#compile(pattern, flags);
    if (expression === null) return;
    const begun = new BegunLines();
    this.#undo = this.#options.output.onLine((line) => {
      if (stream !== 'both' && stream !== line.stream) return;
      const bytes = begun.whole(line).subarray(0, LONGEST_TEST);
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
      // With the flag g or y a match would begin at the end of the previous one.
      expression.lastIndex = 0;
      if (expression.test(text.replace(/\r?\n$/, ''))) queueMicrotask(() => this.#ready());
    });
  }

  #compile(pattern: string, flags: string): RegExp | null {
    try {
      return new RegExp(pattern, flags);
    } catch (error) {
      queueMicrotask(() => this.#problem(`the pattern is not a regular expression: ${messageOf(error)}`));
      return null;
    }
  }
}

/** Joins the pieces of a line, as far as they are tested: a line that is written in pieces matches as one that is written at once. */
class BegunLines {
  readonly #begun = new Map<StreamName, Uint8Array>();

  /** The line so far. */
  whole({ stream, bytes }: OutputLine): Uint8Array {
    const begun = this.#begun.get(stream);
    const whole = begun === undefined ? bytes : Buffer.concat([begun, bytes]);
    if (bytes.at(-1) === NEWLINE) this.#begun.delete(stream);
    else this.#begun.set(stream, whole.subarray(0, LONGEST_TEST));
    return whole;
  }
}

const NEWLINE = 0x0a;

/** A regular expression that backtracks is applied to at most this many bytes of a line. */
const LONGEST_TEST = 4096;

/** A readiness that is polled. */
interface Polling {
  readonly interval: number;
}

/** One run of a probe may take so many intervals, but never less than `SHORTEST_TRY` ms. */
const TRY_FACTOR = 4;
const SHORTEST_TRY = 1000;

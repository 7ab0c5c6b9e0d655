import { connect } from 'node:net';
import type { Clock } from '../../contract/clock.js';
import type { OutputLine } from '../../contract/view.js';
import { messageOf } from '../../errors.js';
import type { Readiness } from '../../model/spec.js';
import { runProbe } from './probe-command.js';

/** The sources of readiness. Times are milliseconds. */
export interface ReadinessOptions {
  readonly readiness: Readiness;
  /** The leased ports by name. */
  readonly ports: Readonly<Record<string, number>>;
  readonly output: { onLine(listener: (line: OutputLine) => void): () => void };
  readonly clock: Clock;
  /** Working directory and environment of an `exec` probe: those of the agent. If not given, those of this process. */
  readonly cwd?: string | null;
  readonly env?: Readonly<Record<string, string>>;
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
        return this.#after(0, () => this.#tryPort(readiness.port, readiness.interval));
      case 'log':
        return this.#awaitLine(readiness);
      case 'exec': {
        const until = this.#options.clock.now() + readiness.timeout;
        return this.#after(0, () => this.#tryCommand(readiness.command, readiness.interval, until));
      }
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

  #tryPort(name: string, interval: number): void {
    const port = this.#options.ports[name];
    if (port === undefined) return this.#problem(`it has no port named ${name}`);
    const { clock } = this.#options;
    const socket = connect({ port, host: '127.0.0.1' });
    const overdue = clock.setTimeout(() => settle(false), Math.max(interval, SHORTEST_TRY));
    const settle = (accepted: boolean, problem = `port ${port} is not accepted by a process of it`) => {
      clock.clearTimeout(overdue);
      socket.removeAllListeners().on('error', () => {});
      socket.destroy();
      if (this.#over) return;
      if (accepted && this.#isOurs(port)) this.#ready();
      else {
        this.lastFailure = problem;
        this.#after(interval, () => this.#tryPort(name, interval));
      }
    };
    this.#undo = () => settle(false);
    socket
      .once('connect', () => settle(true))
      .once('error', (error: NodeJS.ErrnoException) => {
        // Any other error is one of this program, such as EMFILE, and says nothing about the agent.
        if (error.code === 'ECONNREFUSED') settle(false);
        else settle(false, `port ${port} could not be tried: ${error.message}`);
      });
  }

  /** A foreign process on the port would make a dead agent look ready. */
  #isOurs(port: number): boolean {
    if (this.#options.ownsPort?.(port) !== false) return true;
    this.#problem(`port ${port} is answered by a process that is not of this agent`);
    return false;
  }

  #awaitLine({ pattern, flags, stream }: Extract<Readiness, { type: 'log' }>): void {
    const expression = this.#compile(pattern, flags);
    if (expression === null) return;
    this.#undo = this.#options.output.onLine((line) => {
      if (stream !== 'both' && stream !== line.stream) return;
      const bytes = line.bytes.subarray(0, LONGEST_TEST);
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

  #tryCommand(command: readonly string[], interval: number, until: number): void {
    const { clock, cwd, env } = this.#options;
    const timeout = Math.max(1, Math.min(interval * TRY_FACTOR, until - clock.now()));
    this.#undo = runProbe({ command, cwd: cwd ?? null, env, timeout, clock }, (failure) => {
      this.#undo = () => {};
      if (failure === null) return this.#ready();
      this.lastFailure = failure.text;
      if (!failure.ran) this.#problem(failure.text);
      this.#after(interval, () => this.#tryCommand(command, interval, until));
    });
  }
}

/** A regular expression that backtracks is applied to at most this many bytes of a line. */
const LONGEST_TEST = 4096;

/** A connection to this machine that takes longer than this is stuck, in ms. */
const SHORTEST_TRY = 1000;

/** One run of an `exec` probe may take so many intervals. */
const TRY_FACTOR = 4;

import { inspect, TextDecoder } from 'node:util';
import type { Clock } from '../../contract/clock.js';
import { messageOf, SupertreeError } from '../../errors.js';
import type { Blocker } from '../../model/agent.js';
import type { StreamName } from '../../model/spec.js';
import type { Incarnation, Sink, StartOrder } from '../driver.js';

/** The services of the driver for a body that runs in this process. */
export interface InProcessHost {
  readonly clock: Clock;
  /** Called once, after the last fact of the body. */
  forget(body: InProcessBody): void;
  /** Reports an error of user code that does not end the body. */
  report(path: string, problem: string): void;
}

/** The most characters of input that may wait for a body that does not read yet. */
const MAX_BACKLOG = 1_048_576;

/**
 * One incarnation of a body in this process: the common part of tasks and logics. No fact is emitted on the stack of a call of `start`, `ask`, `kill` or
 * `freeze`. Errors of user code never reach the caller.
 *
 * The race of a stop with a start:
 * 1. start() defers the launch and returns.
 * 2. ask() or kill() before the launch cancels it: GONE alone follows, and user code never runs.
 * 3. After the launch they reach the body, and EXITED follows when it has really ended.
 */
export abstract class InProcessBody implements Incarnation {
  readonly order: StartOrder;
  protected readonly sink: Sink;
  protected readonly host: InProcessHost;
  #phase: 'waiting' | 'running' | 'ended' = 'waiting';
  /** The number of the last freeze or thaw. */
  #freezes = 0;
  #inputClosed = false;
  #decoder: TextDecoder | null = null;
  #backlog: string[] | null = null;
  #backlogSize = 0;

  constructor(order: StartOrder, sink: Sink, host: InProcessHost) {
    this.order = order;
    this.sink = sink;
    this.host = host;
  }

  /** The description of the running body as a blocker. */
  protected abstract readonly remainder: string;

  /** Everything that can fail before user code runs; an error becomes SPAWN_FAILED. */
  protected abstract prepare(): void;

  /** Runs user code. Calls `exited` or `failed`, now or later. Never throws. */
  protected abstract run(): void;

  /** Asks the running body to end. May be called any number of times. */
  protected abstract end(): void;

  /** Whether it takes input now; earlier input waits, as in a pipe. */
  protected abstract readonly reads: boolean;

  /** Receives text from standard input. Never throws. */
  protected abstract receive(text: string): void;

  /** `end` in the same turn, for a driver that closes. */
  endNow(): void {
    this.kill();
  }

  get running(): boolean {
    return this.#phase === 'running';
  }

  launch(): void {
    if (this.#phase !== 'waiting') return;
    try {
      this.prepare();
    } catch (thrown) {
      this.#leave();
      this.sink.fact({ type: 'SPAWN_FAILED', ...this.#stamp(), detail: describeThrown(thrown) });
      return;
    }
    this.#phase = 'running';
    this.sink.fact({ type: 'SPAWNED', ...this.#stamp(), pid: null });
    this.run();
    if (this.reads) this.catchUp();
  }

  ask(_signal: string): void {
    this.kill();
  }

  kill(): void {
    // A freeze that is under way reports nothing any more.
    this.#freezes++;
    if (this.#phase === 'running') this.end();
    else if (this.#phase === 'waiting') this.#cancel();
  }

  signal(_signal: string): void {
    throw new SupertreeError('UNSUPPORTED', { agent: this.order.path, what: 'signals' });
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#assertOpen();
    this.#decoder ??= new TextDecoder('utf-8', { ignoreBOM: true });
    const text = this.#decoder.decode(bytes, { stream: true });
    // User code must not run on the caller's stack: the caller may be in the middle of a transition.
    await null;
    if (this.#phase === 'ended') throw this.#closed();
    if (text === '') return;
    if (this.#backlog === null && this.reads) this.receive(text);
    else this.#keep(text);
  }

  endInput(): void {
    this.#inputClosed = true;
  }

  freeze(): void {
    const { incarnation } = this.order;
    const freeze = ++this.#freezes;
    this.host.clock.defer(() => {
      if (this.#phase === 'ended' || freeze !== this.#freezes) return;
      this.sink.fact({ type: 'FREEZE_FAILED', incarnation, detail: 'not a process' });
    });
  }

  thaw(): void {
    this.#freezes++;
  }

  inspect(): Blocker[] {
    return this.running ? [{ pid: 0, state: '-', command: this.remainder }] : [];
  }

  members(): number[] {
    return [];
  }

  /** Output is emitted at once and never waits in a pipe, so EXITED always has `drained`. */
  drain(): void {}

  /** Delivers waiting input; must be called whenever `reads` becomes true. */
  protected catchUp(): void {
    const backlog = this.#backlog;
    this.#backlog = null;
    this.#backlogSize = 0;
    for (const text of backlog ?? []) if (this.running) this.receive(text);
  }

  protected exited(code: number, detail: string): void {
    if (this.#phase === 'ended') return;
    this.#leave();
    const end = { code, signal: null, detail, oom: false, empty: true, drained: true };
    this.sink.fact({ type: 'EXITED', ...this.#stamp(), ...end });
  }

  /** Ends it after an error of user code: code 1, the message as detail, the stack on its standard error. */
  protected failed(thrown: unknown): void {
    if (this.#phase === 'ended') return;
    this.print('stderr', stackOf(thrown));
    this.exited(1, describeThrown(thrown));
  }

  /** Reports an error that does not end the body: on its standard error, and to the driver's owner. */
  protected stumbled(where: string, thrown: unknown): void {
    this.print('stderr', stackOf(thrown));
    this.host.report(this.order.path, `${where} threw: ${describeThrown(thrown)}`);
  }

  /** Writes one line of output; does nothing after the end. */
  protected print(stream: StreamName, line: string): void {
    if (this.#phase !== 'ended') this.sink.output(stream, Buffer.from(`${line}\n`));
  }

  #keep(text: string): void {
    const queued = this.#backlogSize;
    if (queued + text.length > MAX_BACKLOG) {
      throw new SupertreeError('STDIN_FULL', { agent: this.order.path, queued, limit: MAX_BACKLOG });
    }
    this.#backlog ??= [];
    this.#backlog.push(text);
    this.#backlogSize += text.length;
  }

  #cancel(): void {
    this.#leave();
    const { incarnation } = this.order;
    this.host.clock.defer(() => this.sink.fact({ type: 'GONE', incarnation }));
  }

  #leave(): void {
    this.#phase = 'ended';
    this.host.forget(this);
  }

  #stamp(): { incarnation: number; at: number } {
    return { incarnation: this.order.incarnation, at: this.host.clock.wall() };
  }

  #assertOpen(): void {
    if (this.#inputClosed || this.#phase === 'ended') throw this.#closed();
  }

  #closed(): SupertreeError {
    return new SupertreeError('STDIN_CLOSED', { agent: this.order.path });
  }
}

/** The message of any thrown value, even one that cannot be converted to a string. Never throws. */
function describeThrown(thrown: unknown): string {
  return guarded(() =>
    typeof thrown === 'object' && !(thrown instanceof Error) ? inspect(thrown) : messageOf(thrown),
  );
}

function stackOf(thrown: unknown): string {
  return guarded(() => (thrown instanceof Error ? (thrown.stack ?? thrown.message) : inspect(thrown)));
}

function guarded(show: () => unknown): string {
  try {
    return String(show());
  } catch {
    return 'a value that cannot be shown';
  }
}

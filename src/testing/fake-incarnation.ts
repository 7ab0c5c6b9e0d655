import type { Clock } from '../contract/clock.js';
import type { Incarnation, Sink, StartOrder } from '../drivers/driver.js';
import { SupertreeError } from '../errors.js';
import type { Blocker } from '../model/agent.js';
import type { StreamName } from '../model/spec.js';
import type { FakeBehaviour } from './fake-behaviour.js';

/** A body of the fake driver that is not gone yet. */
export interface FakeLife {
  readonly path: string;
  readonly incarnation: number;
  /** `null` until it is spawned. */
  readonly pid: number | null;
  /** `left`: the main process has exited, members of its tree are still there. */
  readonly phase: 'starting' | 'running' | 'left';
  readonly frozen: boolean;
}

/** One call of the driver, in order. */
export interface FakeCall {
  readonly at: number;
  readonly path: string;
  readonly incarnation: number;
  readonly call: 'start' | 'ask' | 'kill' | 'signal' | 'write' | 'endInput' | 'freeze' | 'thaw' | 'drain';
  /** The signal, the text written, or empty. */
  readonly detail: string;
}

/** What a fake incarnation needs from its driver. */
export interface FakeWorld {
  readonly clock: Clock;
  takePid(): number;
  record(life: FakeIncarnation, call: FakeCall['call'], detail: string): void;
  forget(life: FakeIncarnation): void;
}

/** The signals whose default is to end a process, as far as anybody sends them. */
const ENDING = new Set(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);

/** One incarnation without a process. What its calls cause comes later, as with a process; what a handle of the driver causes comes at once. */
export class FakeIncarnation implements Incarnation {
  readonly order: StartOrder;
  readonly #sink: Sink;
  readonly #behaviour: FakeBehaviour;
  readonly #attempt: number;
  readonly #world: FakeWorld;
  #phase: FakeLife['phase'] | 'gone' = 'starting';
  #pid: number | null = null;
  #child: number | null = null;
  #frozen = false;
  #freezes = 0;
  #asked = false;
  #killed = false;
  #released = false;
  #inputClosed = false;
  #undrained = false;
  #timers: unknown[] = [];
  #held: (() => void)[] = [];

  constructor(order: StartOrder, sink: Sink, behaviour: FakeBehaviour, attempt: number, world: FakeWorld) {
    this.order = order;
    this.#sink = sink;
    this.#behaviour = behaviour;
    this.#attempt = attempt;
    this.#world = world;
    this.#inputClosed = behaviour.inputClosed ?? false;
  }

  begin(): void {
    this.#after(this.#behaviour.startsIn, () => this.#spawn());
  }

  ask(signal: string): void {
    this.#world.record(this, 'ask', signal);
    if (this.#phase === 'starting') this.#cancel();
    if (this.#phase !== 'running') return;
    this.#unfreeze();
    this.#obey(signal);
  }

  kill(): void {
    this.#world.record(this, 'kill', 'SIGKILL');
    this.#killed = true;
    if (this.#phase === 'starting') this.#cancel();
    else this.#world.clock.defer(() => this.#die());
  }

  signal(signal: string): void {
    this.#world.record(this, 'signal', signal);
    if (signal === 'SIGKILL') this.#world.clock.defer(() => this.#dieAlone());
    else if (ENDING.has(signal)) this.#obey(signal);
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#inputClosed || this.#phase !== 'running') throw this.#closed();
    this.#world.record(this, 'write', Buffer.from(bytes).toString());
  }

  endInput(): void {
    this.#world.record(this, 'endInput', '');
    this.#inputClosed = true;
  }

  freeze(): void {
    this.#world.record(this, 'freeze', '');
    const freeze = ++this.#freezes;
    this.#world.clock.defer(() => freeze === this.#freezes && this.#freezeNow());
  }

  thaw(): void {
    this.#world.record(this, 'thaw', '');
    this.#freezes++;
    this.#unfreeze();
  }

  inspect(): Blocker[] {
    const state = this.#killed ? 'D' : this.#frozen ? 'T' : 'S';
    if (this.#phase === 'running') return [{ pid: this.#pid ?? 0, state, command: 'fake' }];
    if (this.#phase === 'left') return [{ pid: this.#child ?? 0, state, command: 'fake child' }];
    return [];
  }

  readonly members = (): number[] => this.inspect().map(({ pid }) => pid);

  drain(): void {
    this.#world.record(this, 'drain', '');
    this.#world.clock.defer(() => this.#drained());
  }

  exit(code: number | null, signal: string | null, oom = false): boolean {
    if (this.#phase !== 'running') return false;
    const empty = !this.#behaviour.leavesChildren;
    this.#undrained = this.#behaviour.drainsIn !== undefined;
    this.#leaveRunning();
    // What hears the fact may start the next incarnation at once: then this one must be gone.
    if (empty) this.#emptied();
    else this.#child = this.#world.takePid();
    this.#sink.fact({
      ...this.#stamp('EXITED'),
      code: code ?? (signal === null ? 0 : null),
      signal: code === null ? signal : null,
      detail: '',
      oom,
      empty,
      drained: !this.#undrained,
    });
    return true;
  }

  becomeReady(): boolean {
    if (this.#phase !== 'running') return false;
    if (this.order.spec.readiness.type === 'notify') this.#sink.notified('READY=1');
    else this.#sink.fact(this.#stamp('READY'));
    return true;
  }

  notify(word: string): boolean {
    if (this.#phase !== 'running') return false;
    this.#sink.notified(word);
    return true;
  }

  say(line: string, stream: StreamName): boolean {
    if (this.#phase !== 'running' && this.#phase !== 'left') return false;
    this.#sink.output(stream, Buffer.from(`${line}\n`));
    return true;
  }

  release(): boolean {
    this.#released = true;
    this.#killed = true;
    return this.#die();
  }

  /** The driver closes: an unkillable one is left to itself and says nothing more. */
  abandon(): void {
    this.#clearTimers();
    if (this.#phase === 'starting') this.#cancel();
    else this.#die();
  }

  view(): FakeLife {
    const { path, incarnation } = this.order;
    const phase = this.#phase === 'gone' ? 'left' : this.#phase;
    return { path, incarnation, pid: this.#pid, phase, frozen: this.#frozen };
  }

  #spawn(): void {
    if (this.#phase !== 'starting') return;
    if (this.#attempt <= (this.#behaviour.failsStart ?? 0)) {
      this.#forget();
      this.#sink.fact({ ...this.#stamp('SPAWN_FAILED'), detail: `start ${this.#attempt} fails by script` });
      return;
    }
    this.#phase = 'running';
    this.#pid = this.#world.takePid();
    this.#sink.fact({ ...this.#stamp('SPAWNED'), pid: this.#pid });
    this.#live();
  }

  #live(): void {
    const { output = [], readyIn, exitsAfter, code, signal } = this.#behaviour;
    for (const line of output)
      this.say(typeof line === 'string' ? line : line.line, typeof line === 'string' ? 'stdout' : line.stream);
    const readyByItself = this.order.spec.readiness.type !== 'none' || readyIn !== undefined;
    if (readyByItself) this.#after(readyIn, () => this.becomeReady());
    if (exitsAfter !== undefined) this.#after(exitsAfter, () => this.exit(code ?? null, signal ?? null));
  }

  #obey(signal: string): void {
    const { ignoresStop, stopsIn, stopCode } = this.#behaviour;
    if (ignoresStop || this.#asked) return;
    this.#asked = true;
    this.#after(stopsIn, () => this.exit(stopCode ?? null, signal));
  }

  /** SIGKILL to all that is left of the tree. */
  #die(): boolean {
    if (this.#behaviour.unkillable && !this.#released) return false;
    const ended = this.exit(null, 'SIGKILL');
    if (this.#phase !== 'left') return ended;
    this.#emptied();
    this.#sink.fact({ type: 'GONE', incarnation: this.order.incarnation });
    return true;
  }

  #dieAlone(): void {
    if (!this.#behaviour.unkillable || this.#released) this.exit(null, 'SIGKILL');
  }

  #cancel(): void {
    this.#forget();
    this.#world.clock.defer(() => this.#sink.fact({ type: 'GONE', incarnation: this.order.incarnation }));
  }

  #leaveRunning(): void {
    this.#phase = 'left';
    this.#frozen = false;
    this.#held = [];
    this.#clearTimers();
  }

  #emptied(): void {
    this.#forget();
    if (this.#undrained) this.#timer(this.#behaviour.drainsIn ?? 0, () => this.#drained());
  }

  #drained(): void {
    if (this.#phase !== 'gone' || !this.#undrained) return;
    this.#undrained = false;
    this.#clearTimers();
    this.#sink.fact({ type: 'DRAINED', incarnation: this.order.incarnation });
  }

  #freezeNow(): void {
    if (this.#phase === 'gone') return;
    const detail = this.#phase === 'running' ? this.#behaviour.freezeFails : 'it is not running';
    this.#frozen = detail === undefined;
    if (detail !== undefined) this.#sink.fact({ type: 'FREEZE_FAILED', incarnation: this.order.incarnation, detail });
    else this.#sink.fact(this.#stamp('FROZEN'));
  }

  #unfreeze(): void {
    this.#frozen = false;
    for (const fn of this.#held.splice(0)) this.#world.clock.defer(fn);
  }

  /** What falls due while it is frozen happens when it is thawed. */
  #after(ms: number | undefined, fn: () => void): void {
    this.#timer(ms ?? 0, () => {
      if (this.#frozen) this.#held.push(fn);
      else fn();
    });
  }

  #timer(ms: number, fn: () => void): void {
    const { clock } = this.#world;
    if (ms > 0) this.#timers.push(clock.setTimeout(fn, ms));
    else clock.defer(fn);
  }

  #clearTimers(): void {
    for (const timer of this.#timers) this.#world.clock.clearTimeout(timer);
    this.#timers = [];
  }

  #forget(): void {
    this.#phase = 'gone';
    this.#clearTimers();
    this.#world.forget(this);
  }

  #stamp<T extends string>(type: T): { type: T; incarnation: number; at: number } {
    return { type, incarnation: this.order.incarnation, at: this.#world.clock.wall() };
  }

  #closed(): SupertreeError {
    return new SupertreeError('STDIN_CLOSED', { agent: this.order.path });
  }
}

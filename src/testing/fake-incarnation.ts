import type { Clock } from '../contract/clock.js';
import type { Incarnation, ProcessTimes, Sink, StartOrder } from '../drivers/driver.js';
import { SupertreeError } from '../errors.js';
import type { Blocker } from '../model/agent.js';
import {
  hasTree,
  isRunning,
  type ProcessCommand,
  type ProcessFact,
  type ProcessPhase,
  phaseAfter,
} from '../model/process-phase.js';
import type { StreamName } from '../model/spec.js';
import type { FakeBehaviour } from './fake-behaviour.js';
import type { FakeCall, FakeLife } from './fake-life.js';
import { FakeMeter, type FakeUsage } from './fake-meter.js';

/** The part of the fake driver that its incarnations use. */
export interface FakeWorld {
  readonly clock: Clock;
  takePid(): number;
  /** Adds a call to `driver.calls`. */
  record(life: FakeIncarnation, call: FakeCall['call'], detail: string): void;
  /** Removes an incarnation that is gone. */
  forget(life: FakeIncarnation): void;
}

/** The usual signals whose default action ends a process. */
const ENDING = new Set(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);

/** The phases in which no process of the tree is alive. */
const GONE: ReadonlySet<ProcessPhase> = new Set(['cancelled', 'draining', 'ended']);

type WithoutIncarnation<F> = F extends ProcessFact ? Omit<F, 'incarnation'> : never;

/** One incarnation without a process. Calls of a supervisor take effect in a later turn, as with a process; calls through the handle of the driver at once. */
export class FakeIncarnation implements Incarnation {
  readonly order: StartOrder;
  readonly #sink: Sink;
  readonly #behaviour: FakeBehaviour;
  readonly #attempt: number;
  #meter: FakeMeter | null = null;
  readonly #world: FakeWorld;
  #phase: ProcessPhase = 'queued';
  #pid: number | null = null;
  #child: number | null = null;
  #asked = false;
  #killed = false;
  #released = false;
  #inputClosed = false;
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
    if (!this.#advance('ask')) return;
    if (this.#phase === 'cancelled') this.#cancel();
    else if (isRunning(this.#phase)) this.#obey(signal);
  }

  kill(): void {
    this.#world.record(this, 'kill', 'SIGKILL');
    this.#killed = true;
    if (this.#advance('kill') && this.#phase === 'cancelled') this.#cancel();
    else this.#world.clock.defer(() => this.#die());
  }

  signal(signal: string): void {
    this.#world.record(this, 'signal', signal);
    if (!this.#advance('signal')) return;
    if (signal === 'SIGKILL') this.#world.clock.defer(() => this.#dieAlone());
    else if (ENDING.has(signal)) this.#obey(signal);
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.order.spec.process.stdin === 'closed') {
      throw new SupertreeError('STDIN_ABSENT', { agent: this.order.path });
    }
    if (this.#inputClosed || !isRunning(this.#phase)) throw this.#closed();
    this.#world.record(this, 'write', Buffer.from(bytes).toString());
  }

  endInput(): void {
    this.#world.record(this, 'endInput', '');
    this.#inputClosed = true;
  }

  freeze(): void {
    this.#world.record(this, 'freeze', '');
    const detail = this.#advance('freeze') ? this.#behaviour.freezeFails : 'it is not running';
    this.#world.clock.defer(() => {
      if (detail === undefined) this.#report(this.#stamp('FROZEN'));
      else this.#report({ type: 'FREEZE_FAILED', detail });
    });
  }

  thaw(): void {
    this.#world.record(this, 'thaw', '');
    this.#advance('thaw');
  }

  inspect(): Blocker[] {
    if (!hasTree(this.#phase)) return [];
    const state = this.#killed ? 'D' : this.#phase === 'frozen' ? 'T' : 'S';
    if (isRunning(this.#phase)) return [{ pid: this.#pid ?? 0, state, command: 'fake' }];
    return [{ pid: this.#child ?? 0, state, command: 'fake child' }];
  }

  readonly members = (): number[] => this.inspect().map(({ pid }) => pid);

  drain(): void {
    this.#world.record(this, 'drain', '');
    this.#world.clock.defer(() => this.#report({ type: 'DRAINED' }));
  }

  exit(code: number | null, signal: string | null, oom = false): boolean {
    const { drainsIn, leavesChildren = false } = this.#behaviour;
    if (!this.#advance('exit')) return false;
    this.#clearTimers();
    if (leavesChildren) this.#child = this.#world.takePid();
    if (drainsIn !== undefined) this.#timer(drainsIn, () => this.#report({ type: 'DRAINED' }));
    this.#report({
      ...this.#stamp('EXITED'),
      code: code ?? (signal === null ? 0 : null),
      signal: code === null ? signal : null,
      detail: '',
      oom,
      empty: !leavesChildren,
      drained: drainsIn === undefined,
    });
    return true;
  }

  becomeReady(): boolean {
    if (!isRunning(this.#phase)) return false;
    if (this.order.spec.readiness.type === 'notify') this.#sink.notified('READY=1');
    else this.#sink.fact({ ...this.#stamp('READY'), incarnation: this.order.incarnation });
    return true;
  }

  notify(word: string): boolean {
    if (!isRunning(this.#phase)) return false;
    this.#sink.notified(word);
    return true;
  }

  say(line: string, stream: StreamName): boolean {
    if (!hasTree(this.#phase)) return false;
    this.#sink.output(stream, Buffer.from(`${line}\n`));
    return true;
  }

  use(usage: FakeUsage): boolean {
    this.#meter?.use(usage, this.#world.clock.now());
    return this.#meter !== null;
  }

  /** The cpu times and the memory of each of its members; `undefined` before the start. */
  read(): ProcessTimes | undefined {
    return this.#meter?.read(this.#world.clock.now());
  }

  release(): boolean {
    this.#released = true;
    this.#killed = true;
    return this.#die();
  }

  /** Ends the incarnation because the driver closes. An unkillable one reports nothing more. */
  abandon(): void {
    this.#clearTimers();
    if (this.#advance('kill') && this.#phase === 'cancelled') this.#cancel();
    else this.#die();
  }

  view(): FakeLife {
    const { path, incarnation } = this.order;
    const phase = isRunning(this.#phase) ? 'running' : hasTree(this.#phase) ? 'left' : 'starting';
    return { path, incarnation, pid: this.#pid, phase, frozen: this.#phase === 'frozen' };
  }

  #spawn(): void {
    if (!this.#advance('begin')) return;
    if (this.#attempt <= (this.#behaviour.failsStart ?? 0)) {
      return this.#report({ ...this.#stamp('SPAWN_FAILED'), detail: `start ${this.#attempt} fails by script` });
    }
    this.#pid = this.#world.takePid();
    this.#meter = new FakeMeter(this.#world.clock.now());
    this.use(this.#behaviour.uses ?? {});
    this.#report({ ...this.#stamp('SPAWNED'), pid: this.#pid });
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
    if (!hasTree(this.#phase)) return ended;
    this.#report({ type: 'GONE' });
    return true;
  }

  #dieAlone(): void {
    if (!this.#behaviour.unkillable || this.#released) this.exit(null, 'SIGKILL');
  }

  #cancel(): void {
    this.#world.clock.defer(() => this.#report({ type: 'GONE' }));
  }

  /** Enters the phase that the step leads to. False when the present phase does not allow the step. */
  #advance(step: ProcessCommand | 'exit'): boolean {
    const next = phaseAfter(this.#phase, step);
    if (next !== null) this.#enter(next);
    return next !== null;
  }

  /** Reports a fact if the present phase allows it; otherwise does nothing. */
  #report(fact: WithoutIncarnation<ProcessFact>): void {
    const whole = { ...fact, incarnation: this.order.incarnation };
    const next = phaseAfter(this.#phase, whole);
    if (next === null) return;
    // The receiver of the fact may start the next incarnation at once, so this one must be gone before.
    this.#enter(next);
    this.#sink.fact(whole);
  }

  #enter(next: ProcessPhase): void {
    this.#phase = next;
    if (next === 'cancelled' || next === 'ended') this.#clearTimers();
    if (GONE.has(next)) this.#world.forget(this);
    if (next !== 'frozen' && next !== 'freezing') for (const fn of this.#held.splice(0)) this.#world.clock.defer(fn);
  }

  /** Calls `fn` after `ms`. If the incarnation is frozen then, `fn` is called when it is thawed. */
  #after(ms: number | undefined, fn: () => void): void {
    this.#timer(ms ?? 0, () => {
      if (this.#phase === 'frozen') this.#held.push(fn);
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

  #stamp<T extends string>(type: T): { type: T; at: number } {
    return { type, at: this.#world.clock.wall() };
  }

  #closed(): SupertreeError {
    return new SupertreeError('STDIN_CLOSED', { agent: this.order.path });
  }
}

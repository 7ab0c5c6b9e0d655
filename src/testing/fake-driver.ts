import type { Clock } from '../contract/clock.js';
import type { Driver, Incarnation, ProcessTimes, ReadProcesses, Sink, StartOrder } from '../drivers/driver.js';
import type { StreamName } from '../model/spec.js';
import type { FakeBehaviour, FakeScript } from './fake-behaviour.js';
import { FakeIncarnation, type FakeWorld } from './fake-incarnation.js';
import type { FakeCall, FakeLife } from './fake-life.js';
import type { FakeUsage } from './fake-meter.js';

/** A driver without processes, and methods that control its bodies. They act on the living incarnation of a path; without one they return false. */
export interface FakeDriver extends Driver {
  /** Ends the main process as if by itself. If `how` is not given, by SIGKILL. */
  crash(path: string, how?: { code?: number; signal?: string; oom?: boolean }): boolean;
  /** Makes it ready now, by the readiness of its spec. */
  ready(path: string): boolean;
  /** Sends one message on the readiness channel. */
  notify(path: string, word: string): boolean;
  /** Writes a line. If `stream` is not given, to standard output. */
  say(path: string, line: string, stream?: StreamName): boolean;
  /** Sets the memory and the cpu that it uses from now on, for `usage()` and for limits. */
  use(path: string, usage: FakeUsage): boolean;
  /** Ends everything that is left of an `unkillable` body. */
  release(path: string): boolean;
  /** The bodies that are not gone yet, in the order of their start. */
  lives(): FakeLife[];
  /** How often the path was started, failed starts included. */
  starts(path: string): number;
  readonly calls: readonly FakeCall[];
  /**
   * Breaches of the driver contract by the caller: two living incarnations of one path, an incarnation or a token that is used again, one port for two
   * living bodies, an unfilled template in an order, a start after close().
   */
  readonly violations: readonly string[];
}

/**
 * A fake process driver for tests, demonstrations and dashboards: it reports the same facts in the same order, with times of `clock` and without
 * processes. Pids are made up, from 100001. If `script` is not given, every body starts at once, is ready at once where its spec waits for readiness,
 * runs for ever, and ends at the first signal.
 */
export function createFakeDriver(clock: Clock, script: FakeScript = {}): FakeDriver {
  return new ScriptedDriver(clock, script);
}

const FIRST_PID = 100_001;

/** Templates, which must not be left in orders (`StartOrder`). */
const TEMPLATE = /\{(port(:\w+)?|id|incarnation)\}/;

class ScriptedDriver implements FakeDriver, FakeWorld {
  readonly clock: Clock;
  readonly calls: FakeCall[] = [];
  readonly violations: string[] = [];
  readonly #script: FakeScript;
  readonly #living = new Set<FakeIncarnation>();
  readonly #byPath = new Map<string, FakeIncarnation>();
  readonly #starts = new Map<string, number>();
  readonly #newest = new Map<string, number>();
  readonly #tokens = new Set<string>();
  readonly #ports = new Map<number, FakeIncarnation>();
  #nextPid = FIRST_PID;
  #closed = false;

  constructor(clock: Clock, script: FakeScript) {
    this.clock = clock;
    this.#script = script;
  }

  start(order: StartOrder, sink: Sink): Incarnation {
    this.#check(order);
    const attempt = this.starts(order.path) + 1;
    this.#starts.set(order.path, attempt);
    const life = new FakeIncarnation(order, sink, this.#behaviourOf(order, attempt), attempt, this);
    this.#living.add(life);
    this.#byPath.set(order.path, life);
    for (const port of Object.values(order.ports)) this.#ports.set(port, life);
    this.record(life, 'start', order.command.join(' '));
    life.begin();
    return life;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const life of [...this.#living]) life.abandon();
  }

  crash(path: string, how: { code?: number; signal?: string; oom?: boolean } = { signal: 'SIGKILL' }): boolean {
    return this.#with(path, (life) => life.exit(how.code ?? null, how.signal ?? null, how.oom ?? false));
  }

  ready(path: string): boolean {
    return this.#with(path, (life) => life.becomeReady());
  }

  notify(path: string, word: string): boolean {
    return this.#with(path, (life) => life.notify(word));
  }

  say(path: string, line: string, stream: StreamName = 'stdout'): boolean {
    return this.#with(path, (life) => life.say(line, stream));
  }

  use(path: string, usage: FakeUsage): boolean {
    return this.#with(path, (life) => life.use(usage));
  }

  readonly readProcesses: ReadProcesses = async (pids) => {
    const wanted = new Set(pids);
    const read = new Map<number, ProcessTimes>();
    for (const life of this.#living) {
      const times = life.read();
      for (const pid of life.members()) if (times !== undefined && wanted.has(pid)) read.set(pid, times);
    }
    return read;
  };

  release(path: string): boolean {
    return this.#with(path, (life) => life.release());
  }

  lives(): FakeLife[] {
    return [...this.#living].map((life) => life.view());
  }

  starts(path: string): number {
    return this.#starts.get(path) ?? 0;
  }

  takePid(): number {
    return this.#nextPid++;
  }

  record(life: FakeIncarnation, call: FakeCall['call'], detail: string): void {
    const { path, incarnation } = life.order;
    this.calls.push({ at: this.clock.now(), path, incarnation, call, detail });
  }

  forget(life: FakeIncarnation): void {
    this.#living.delete(life);
    if (this.#byPath.get(life.order.path) === life) this.#byPath.delete(life.order.path);
    for (const port of Object.values(life.order.ports)) if (this.#ports.get(port) === life) this.#ports.delete(port);
  }

  #with(path: string, act: (life: FakeIncarnation) => boolean): boolean {
    const life = this.#byPath.get(path);
    return life !== undefined && act(life);
  }

  #behaviourOf(order: StartOrder, attempt: number): FakeBehaviour {
    if (typeof this.#script === 'function') return this.#script(order, attempt);
    return this.#script[order.path] ?? this.#script['*'] ?? {};
  }

  #check(order: StartOrder): void {
    const { path, incarnation, token } = order;
    const other = this.#byPath.get(path);
    if (this.#closed) this.#violated(order, 'was started after close()');
    if (other) this.#violated(order, `was started while incarnation ${other.order.incarnation} lives`);
    const newest = this.#newest.get(path) ?? Number.NEGATIVE_INFINITY;
    if (incarnation <= newest) this.#violated(order, `follows incarnation ${newest}`);
    if (this.#tokens.has(token)) this.#violated(order, `has the token ${token}, which was used before`);
    this.#checkPorts(order);
    this.#checkTemplates(order);
    this.#newest.set(path, incarnation);
    this.#tokens.add(token);
  }

  #checkPorts(order: StartOrder): void {
    for (const [name, port] of Object.entries(order.ports)) {
      const holder = this.#ports.get(port);
      if (holder) this.#violated(order, `was given port ${port} (${name}), which ${holder.order.path} still has`);
    }
  }

  #checkTemplates(order: StartOrder): void {
    const left = [...order.command, ...Object.values(order.env())].find((word) => TEMPLATE.test(word));
    if (left !== undefined) this.#violated(order, `has a template left: ${TEMPLATE.exec(left)?.[0]}`);
  }

  #violated(order: StartOrder, what: string): void {
    this.violations.push(`${order.path} incarnation ${order.incarnation} ${what}`);
  }
}

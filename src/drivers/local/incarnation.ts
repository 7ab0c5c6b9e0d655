import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { messageOf } from '../../errors.js';
import type { Blocker } from '../../model/agent.js';
import {
  hasTree,
  type ProcessCommand,
  type ProcessFact,
  type ProcessPhase,
  phaseAfter,
} from '../../model/process-phase.js';
import type { StreamName } from '../../model/spec.js';
import type { Incarnation, Sink, StartOrder } from '../driver.js';
import { NOTIFY_FD, readWords } from './notify-channel.js';
import type { OomDetector } from './oom.js';
import { signalOf } from './signals.js';
import { discard, spawnProblem, spawnProcess } from './spawn.js';
import { Stdin } from './stdin.js';
import { type Watch, WatchedTree } from './watched-tree.js';

/** The objects that all incarnations of one driver share. */
export interface DriverContext extends Watch {
  readonly oom: OomDetector;
  /** Called once, after the last fact. */
  ended(incarnation: ProcessIncarnation): void;
}

/** One process and its tree, from the queue until the tree is empty and its output was read. */
export class ProcessIncarnation implements Incarnation {
  readonly #order: StartOrder;
  readonly #sink: Sink;
  readonly #context: DriverContext;
  readonly #stdin: Stdin;
  #phase: ProcessPhase = 'queued';
  #child: ChildProcess | undefined;
  #tree: WatchedTree | undefined;
  #openStreams = 2;
  #isKilled = false;

  constructor(order: StartOrder, sink: Sink, context: DriverContext) {
    this.#order = order;
    this.#sink = sink;
    this.#context = context;
    this.#stdin = new Stdin(order.path, context.clock, order.spec.process.stdin);
  }

  /** It has reached the front of the queue of starts. */
  run(): void {
    if (!this.#advance('begin')) return;
    const spawned = spawnProcess(this.#order);
    if ('problem' in spawned) return this.#failed(spawned.problem);
    const { child } = spawned;
    this.#child = child;
    child.on('error', (error) => this.#failed(spawnProblem(error, this.#order), child));
    if (child.pid !== undefined) this.#spawned(child, child.pid);
  }

  /** Emits SPAWN_FAILED for an incarnation that never ran. */
  refuse(detail: string): void {
    if (this.#phase === 'queued') this.#failed(detail);
  }

  ask(signal: string): void {
    const name = signalOf(signal);
    if (!this.#advance('ask')) return;
    if (this.#phase === 'cancelled') return this.#cancel();
    this.#tree?.ask(name, this.#order.spec.stop.scope === 'main');
  }

  kill(): void {
    if (!this.#advance('kill')) return;
    if (this.#phase === 'cancelled') return this.#cancel();
    this.#isKilled = true;
    this.#tree?.kill();
  }

  /** Its processes; `undefined` before it runs. */
  get tree(): WatchedTree | undefined {
    return this.#tree;
  }

  signal(signal: string): void {
    const name = signalOf(signal);
    if (this.#advance('signal')) this.#tree?.signalGroup(name);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#stdin.write(bytes);
  }

  endInput(): void {
    this.#stdin.end();
  }

  freeze(): void {
    if (!this.#tree || !this.#advance('freeze')) {
      this.#context.clock.defer(() => this.#report({ type: 'FREEZE_FAILED', detail: 'it is not running' }));
      return;
    }
    this.#tree.freeze((problem) => this.#frozen(problem));
  }

  thaw(): void {
    if (this.#advance('thaw')) this.#tree?.thaw();
  }

  inspect(): Blocker[] {
    return this.#tree?.blockers() ?? [];
  }

  members(): number[] {
    return this.#tree?.members() ?? [];
  }

  drain(): void {
    this.#child?.stdout?.destroy();
    this.#child?.stderr?.destroy();
  }

  #spawned(child: ChildProcess, pid: number): void {
    try {
      this.#tree = new WatchedTree(pid, this.#order.token, this.#context, () => this.#report({ type: 'GONE' }));
    } catch (error) {
      child.kill('SIGKILL');
      return this.#failed(messageOf(error), child);
    }
    child.on('exit', (code, signal) => this.#reaped(pid, code, signal));
    if (child.stdin) this.#stdin.attach(child.stdin);
    this.#read('stdout', child.stdout);
    this.#read('stderr', child.stderr);
    const channel = child.stdio[NOTIFY_FD];
    if (channel) readWords(channel as Readable, (word) => this.#phase !== 'ended' && this.#sink.notified(word));
    this.#report({ type: 'SPAWNED', pid, at: this.#context.clock.wall() });
  }

  #read(name: StreamName, stream: Readable | null): void {
    let open = true;
    const close = () => {
      if (open) this.#streamEnded();
      open = false;
    };
    stream?.on('data', (bytes: Buffer) => this.#sink.output(name, bytes));
    stream?.on('error', close).on('end', close).on('close', close);
  }

  #streamEnded(): void {
    this.#openStreams -= 1;
    if (this.#openStreams === 0) this.#report({ type: 'DRAINED' });
  }

  /**
   * 1. The kernel closed the pipes of the process before it reported the exit, so they have usually been read to the end by now.
   * 2. If not, two turns of the event loop are enough for a few buffers; more would delay EXITED too much.
   * 3. Then the next scan of /proc is awaited, which serves all waiting work.
   */
  #reaped(pid: number, code: number | null, signal: NodeJS.Signals | null): void {
    const at = this.#context.clock.wall();
    this.#advance('exit');
    this.#tree?.reaped();
    this.#stdin.close();
    const oom = signal === 'SIGKILL' && !this.#isKilled && this.#context.oom.killed(pid);
    const exit = { type: 'EXITED', code, signal, detail: '', oom, at } as const;
    const drained = () => this.#openStreams === 0;
    const look = () => this.#tree?.afterNextLook((empty) => this.#report({ ...exit, empty, drained: drained() }));
    setImmediate(() => (drained() ? look() : setImmediate(look)));
  }

  #frozen(problem: string | null): void {
    if (problem === null) this.#report({ type: 'FROZEN', at: this.#context.clock.wall() });
    else this.#report({ type: 'FREEZE_FAILED', detail: problem });
  }

  #cancel(): void {
    this.#stdin.close();
    this.#context.clock.defer(() => this.#report({ type: 'GONE' }));
  }

  #failed(detail: string, child?: ChildProcess): void {
    if (phaseAfter(this.#phase, 'SPAWN_FAILED') === null) return;
    if (child) discard(child);
    this.#stdin.close();
    this.#report({ type: 'SPAWN_FAILED', detail, at: this.#context.clock.wall() });
  }

  /** Enters the phase that the step leads to. False when the present phase does not allow the step. */
  #advance(step: ProcessCommand | 'exit'): boolean {
    const next = phaseAfter(this.#phase, step);
    this.#phase = next ?? this.#phase;
    return next !== null;
  }

  /** Reports a fact if the present phase allows it. The tree is released before: the receiver of the end may start the next incarnation at once. */
  #report(fact: WithoutIncarnation<ProcessFact>): void {
    const whole = { ...fact, incarnation: this.#order.incarnation };
    const next = phaseAfter(this.#phase, whole);
    if (next === null) return;
    const isEmptied = hasTree(this.#phase) && !hasTree(next);
    this.#phase = next;
    if (isEmptied) this.#tree?.release();
    this.#sink.fact(whole);
    if (next === 'ended') this.#end();
  }

  #end(): void {
    // A child that could not be spawned for want of a descriptor has no streams, whatever its type says.
    const streams: ChildProcess['stdio'] | undefined = this.#child?.stdio;
    streams?.[NOTIFY_FD]?.destroy();
    this.#context.ended(this);
  }
}

type WithoutIncarnation<F> = F extends ProcessFact ? Omit<F, 'incarnation'> : never;

import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Clock } from '../../contract/clock.js';
import { messageOf } from '../../errors.js';
import type { Blocker, BodyFact } from '../../model/agent.js';
import type { StreamName } from '../../model/spec.js';
import type { Incarnation, Sink, StartOrder } from '../driver.js';
import type { Census, Scan } from './census.js';
import { Freezer } from './freezer.js';
import type { LookQueue } from './look-queue.js';
import { NOTIFY_FD, readWords } from './notify-channel.js';
import type { OomWitness } from './oom.js';
import { ProcessTree } from './process-tree.js';
import { signalOf } from './signals.js';
import { discard, spawnProblem, spawnProcess } from './spawn.js';
import { Stdin } from './stdin.js';

/** The objects that all incarnations of one driver share. */
export interface Workshop {
  readonly clock: Clock;
  readonly census: Census;
  readonly looks: LookQueue;
  readonly oom: OomWitness;
  /** Called once, after the last fact. */
  ended(incarnation: ProcessIncarnation): void;
}

/** One process and its tree, from the queue until the tree is empty and its output was read. */
export class ProcessIncarnation implements Incarnation {
  readonly #order: StartOrder;
  readonly #sink: Sink;
  readonly #shop: Workshop;
  readonly #stdin: Stdin;
  #phase: 'queued' | 'spawning' | 'running' | 'exited' | 'ended' = 'queued';
  #child: ChildProcess | undefined;
  #tree: ProcessTree | undefined;
  #freezer: Freezer | undefined;
  #openStreams = 2;
  /** EXITED was emitted; before that, drained output is part of it, afterwards a fact by itself. */
  #told = false;
  #gone = false;
  /** The number of the last freeze or thaw: the result of an earlier freeze is not reported. */
  #freezes = 0;
  #asked = false;
  #killed = false;
  #watch: unknown;

  constructor(order: StartOrder, sink: Sink, shop: Workshop) {
    this.#order = order;
    this.#sink = sink;
    this.#shop = shop;
    this.#stdin = new Stdin(order.path, shop.clock);
  }

  /** Its turn in the queue has come. */
  run(): void {
    if (this.#phase !== 'queued') return;
    this.#phase = 'spawning';
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
    if (this.#phase === 'queued') return this.#cancel();
    if (!this.#tree || this.#gone) return;
    this.#asked = true;
    this.#freezer?.cancel('it was asked to stop');
    this.#atNextLook((tree, scan) => {
      const look = tree.look(scan);
      tree.signal(name, look);
      tree.signal('SIGCONT', look);
    });
    if (this.#phase === 'exited') this.#watchFrom(FIRST_LOOK);
  }

  kill(): void {
    if (this.#phase === 'queued') return this.#cancel();
    if (!this.#tree || this.#gone) return;
    this.#killed = true;
    this.#freezer?.cancel('it was killed');
    this.#atNextLook((tree, scan) => tree.signal('SIGKILL', tree.look(scan)));
    this.#watchFrom(FIRST_LOOK);
  }

  /** Sends SIGKILL to all members synchronously, for a program that is about to end. True when none was left to kill. */
  killAtExit(): boolean {
    if (!this.#tree || this.#gone) return true;
    const look = this.#tree.look();
    this.#tree.signal('SIGKILL', look);
    return look.alive.length === 0;
  }

  signal(signal: string): void {
    const name = signalOf(signal);
    if (!this.#gone) this.#tree?.signalGroup(name);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#stdin.write(bytes);
  }

  endInput(): void {
    this.#stdin.end();
  }

  freeze(): void {
    if (this.#phase === 'ended') return;
    const freeze = ++this.#freezes;
    const done = (problem: string | null) => freeze === this.#freezes && this.#frozen(problem);
    if (!this.#tree || this.#phase !== 'running') return this.#shop.clock.defer(() => done('it is not running'));
    this.#freezer ??= new Freezer(this.#tree, this.#shop.clock);
    this.#freezer.freeze(done);
  }

  thaw(): void {
    this.#freezes++;
    this.#freezer?.forget();
    if (!this.#tree || this.#gone) return;
    this.#tree.signal('SIGCONT');
  }

  inspect(): Blocker[] {
    return this.#gone ? [] : (this.#tree?.blockers() ?? []);
  }

  members(): number[] {
    return this.#gone ? [] : (this.#tree?.members() ?? []);
  }

  drain(): void {
    this.#child?.stdout?.destroy();
    this.#child?.stderr?.destroy();
  }

  #spawned(child: ChildProcess, pid: number): void {
    try {
      this.#tree = new ProcessTree(pid, this.#order.token, this.#shop.census);
    } catch (error) {
      child.kill('SIGKILL');
      return this.#failed(messageOf(error), child);
    }
    this.#phase = 'running';
    child.on('exit', (code, signal) => this.#reaped(pid, code, signal));
    if (child.stdin) this.#stdin.attach(child.stdin);
    this.#read('stdout', child.stdout);
    this.#read('stderr', child.stderr);
    const channel = child.stdio[NOTIFY_FD];
    if (channel) readWords(channel as Readable, (word) => this.#phase !== 'ended' && this.#sink.notified(word));
    this.#fact({ type: 'SPAWNED', pid, at: this.#shop.clock.wall() });
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
    if (this.#openStreams > 0 || !this.#told) return;
    this.#fact({ type: 'DRAINED' });
    this.#endIfDone();
  }

  /**
   * 1. The kernel closed the pipes of the process before it reported the exit, so they have usually been read to the end by now.
   * 2. If not, two turns of the event loop are enough for a few buffers; more would delay EXITED too much.
   * 3. Then the next scan of /proc is awaited, which serves all waiting work.
   */
  #reaped(pid: number, code: number | null, signal: NodeJS.Signals | null): void {
    const at = this.#shop.clock.wall();
    this.#phase = 'exited';
    this.#tree?.reaped();
    this.#freezer?.forget();
    this.#stdin.close();
    const oom = signal === 'SIGKILL' && !this.#killed && this.#shop.oom.killed(pid);
    const exit = { type: 'EXITED', code, signal, detail: '', oom, at } as const;
    const tell = () => this.#shop.looks.push((scan) => this.#tellExit(exit, scan));
    setImmediate(() => (this.#openStreams === 0 ? tell() : setImmediate(tell)));
  }

  #tellExit(exit: ExitFact, scan: Scan): void {
    const look = this.#tree?.look(scan);
    const empty = look === undefined || (look.alive.length === 0 && look.certain);
    this.#told = true;
    if (empty) this.#emptied();
    this.#fact({ ...exit, empty, drained: this.#openStreams === 0 });
    if (!this.#endIfDone() && !empty && (this.#asked || this.#killed)) this.#watchFrom(FIRST_LOOK);
  }

  /** Checks until the tree is empty, soon at first and then less often. */
  #watchFrom(delay: number): void {
    this.#shop.clock.clearTimeout(this.#watch);
    this.#watch = this.#shop.clock.setTimeout(
      () => this.#atNextLook((tree, scan) => this.#check(tree, scan, delay)),
      delay,
    );
  }

  #check(tree: ProcessTree, scan: Scan, delay: number): void {
    const look = tree.look(scan);
    if (this.#told && look.alive.length === 0 && look.certain) {
      this.#emptied();
      this.#fact({ type: 'GONE' });
      this.#endIfDone();
      return;
    }
    if (this.#killed) tree.signal('SIGKILL', look);
    this.#watchFrom(Math.min(delay * 2, LONGEST_LOOK));
  }

  /** Does `work` after the next scan, unless the tree is empty by then. */
  #atNextLook(work: (tree: ProcessTree, scan: Scan) => void): void {
    this.#shop.looks.push((scan) => {
      if (this.#tree && !this.#gone) work(this.#tree, scan);
    });
  }

  #emptied(): void {
    this.#gone = true;
    this.#shop.clock.clearTimeout(this.#watch);
    this.#tree?.release();
  }

  #frozen(problem: string | null): void {
    if (this.#phase === 'ended') return;
    if (problem === null) this.#fact({ type: 'FROZEN', at: this.#shop.clock.wall() });
    else this.#fact({ type: 'FREEZE_FAILED', detail: problem });
  }

  #cancel(): void {
    this.#phase = 'spawning';
    this.#stdin.close();
    this.#shop.clock.defer(() => {
      this.#fact({ type: 'GONE' });
      this.#end();
    });
  }

  #failed(detail: string, child?: ChildProcess): void {
    if (this.#phase !== 'spawning' && this.#phase !== 'queued') return;
    if (child) discard(child);
    this.#stdin.close();
    this.#fact({ type: 'SPAWN_FAILED', detail, at: this.#shop.clock.wall() });
    this.#end();
  }

  #endIfDone(): boolean {
    if (!this.#gone || this.#openStreams > 0) return false;
    this.#child?.stdio[NOTIFY_FD]?.destroy();
    this.#end();
    return true;
  }

  #end(): void {
    this.#phase = 'ended';
    this.#shop.ended(this);
  }

  #fact(fact: WithoutIncarnation<BodyFact>): void {
    this.#sink.fact({ ...fact, incarnation: this.#order.incarnation });
  }
}

type WithoutIncarnation<F> = F extends BodyFact ? Omit<F, 'incarnation'> : never;
type ExitFact = Omit<Extract<BodyFact, { type: 'EXITED' }>, 'incarnation' | 'empty' | 'drained'>;

/** The delays between checks of a tree that is being ended, in ms. */
const FIRST_LOOK = 2;
const LONGEST_LOOK = 250;

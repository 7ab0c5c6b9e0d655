import { systemClock } from '../../../contract/clock.js';
import { Freezer } from '../../local/freezer.js';
import { readStat } from '../../proc/proc.js';
import { type Refusal, withAttributes, withNice } from '../native/attributes.js';
import { withBrand } from '../native/brand.js';
import { spawn } from '../native/spawn.js';
import type { OpenOutput } from './agent-output.js';
import type { Children, Parentage } from './children.js';
import { Family } from './family.js';
import type { Birth, Body, BodyListener } from './hands.js';
import type { Input } from './input.js';
import type { NotifySocket, NotifySockets } from './notify-sockets.js';
import type { AgentOrder, SpawnCommand } from './order.js';
import { OutputPipe } from './output-pipe.js';
import { openStdio, type Stdio } from './stdio.js';

/** What all bodies of a keeper share. */
export interface NativeContext {
  readonly children: Children<NativeBody>;
  readonly sockets: NotifySockets;
  problem(text: string): void;
}

/** The processes of one agent as children of a subreaper: the kernel tells of every end. */
export class NativeBody implements Body, Parentage {
  readonly children = new Set<number>();
  readonly #order: AgentOrder;
  readonly #context: NativeContext;
  readonly #listener: BodyListener;
  #brand: bigint | null = null;
  #stdio: Stdio | undefined;
  #family: Family | undefined;
  #freezer: Freezer | undefined;
  #notify: NotifySocket | null = null;
  #birth: Birth = { pid: 0, ticks: 0, brand: '', at: 0 };
  #isKilled = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(order: AgentOrder, context: NativeContext, listener: BodyListener) {
    this.#order = order;
    this.#context = context;
    this.#listener = listener;
  }

  get token(): string {
    return this.#order.token;
  }

  get birth(): Birth {
    return this.#birth;
  }

  get outputs(): [number, OpenOutput][] {
    const descriptors = [...this.#stdio!.outputs];
    return descriptors.map(([stream, descriptor]) => [stream, (reader) => new OutputPipe(descriptor, reader)]);
  }

  start(command: SpawnCommand): void {
    const stdio = openStdio(this.#order);
    if (typeof stdio === 'number') return this.#listener.failed(stdio);
    const socket = this.#openSocket();
    if (typeof socket !== 'number') this.#notify = socket;
    this.#brand = this.#context.children.reserve(this);
    const pid = typeof socket === 'number' ? -socket : this.#spawn(command, stdio);
    if (typeof pid === 'number' && pid > 0) return this.#spawned(pid, stdio);
    stdio.closeAll();
    this.#notify?.close();
    this.#context.children.release(this, this.#brand, null);
    if (typeof pid === 'number') this.#listener.failed(-pid);
    else this.#listener.failed(pid.errno, pid.option);
  }

  openInput(taken: (errno: number) => void): Input {
    return this.#stdio!.openInput(taken);
  }

  ask(signal: number): void {
    this.#freezer?.forget();
    if (this.#order.mainOnly) this.#family!.signalMain(signal);
    else this.#family!.signal(signal);
    this.#family!.signal('SIGCONT');
  }

  kill(): void {
    this.#freezer?.forget();
    this.#isKilled = true;
    this.#killFrom(FIRST_RETRY);
  }

  signal(signal: number): void {
    this.#family!.signalGroup(signal);
  }

  freeze(done: (problem: string | null) => void): void {
    this.#freezer ??= new Freezer(this.#family!, systemClock);
    this.#freezer.freeze(done);
  }

  thaw(): void {
    this.#freezer?.forget();
    this.#family!.signal('SIGCONT');
  }

  readOn(): void {
    this.#notify?.readOn();
  }

  /** One of its processes was reaped, and the children were listed since. */
  reaped(pid: number, status: number): void {
    if (pid === this.#family?.main) {
      this.#context.sockets.read();
      this.#freezer?.forget();
      this.#listener.ended(status);
    } else if (this.children.size === 0) this.#listener.emptied();
    if (this.#isKilled) this.#killFrom(FIRST_RETRY);
  }

  afterMain(then: (isEmpty: boolean) => void): void {
    then(this.children.size === 0);
  }

  release(): void {
    clearTimeout(this.#retry);
    this.#notify?.close();
    this.#context.children.release(this, this.#brand, this.#family!.main);
  }

  #spawn(command: SpawnCommand, { terminal, descriptors }: Stdio): number | Refusal {
    const argv = withNice(command.argv, this.#order);
    const spawned = () => spawn({ ...command, argv, terminal, descriptors });
    return withAttributes(this.#order, () => (this.#brand === null ? spawned() : withBrand(this.#brand, spawned)));
  }

  #spawned(pid: number, stdio: Stdio): void {
    const { children } = this.#context;
    children.add(pid, this);
    this.#stdio = stdio;
    this.#family = new Family(pid, this.children, () => children.list());
    stdio.closeTheirs();
    const { startTicks: ticks = 0 } = readStat(pid) ?? {};
    this.#birth = { pid, ticks, brand: String(this.#brand ?? ''), at: Date.now() };
    this.#listener.spawned(this);
  }

  #openSocket(): NotifySocket | number | null {
    if (this.#order.socket === '') return null;
    return this.#context.sockets.open(this.#order, {
      isOwn: (pid) => this.#context.children.isOf(pid, this),
      mayRead: () => this.#listener.hasRoom,
      message: (bytes) => this.#listener.notified(bytes),
      problem: this.#context.problem,
    });
  }

  /** A member that forks while the members are listed, or that may not be signalled yet, is found the next time. */
  #killFrom(delay: number): void {
    clearTimeout(this.#retry);
    if (this.children.size === 0) return;
    this.#family!.signal('SIGKILL');
    this.#retry = setTimeout(() => this.#killFrom(Math.min(delay * 2, LONGEST_RETRY)), delay);
  }
}

/** The delays between two signals to a tree that does not end, in ms. */
const FIRST_RETRY = 2;
const LONGEST_RETRY = 250;

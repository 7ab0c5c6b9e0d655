import { constants } from 'node:os';
import { systemClock } from '../../../contract/clock.js';
import { Freezer } from '../../local/freezer.js';
import { readStat } from '../../proc/proc.js';
import { type Refusal, withAttributes, withNice } from '../native/attributes.js';
import { withBrand } from '../native/brand.js';
import { spawn } from '../native/spawn.js';
import type { Size } from '../native/terminal.js';
import { type FromKeeper, STREAM } from '../protocol/messages.js';
import { AgentOutput, type OutputListener } from './agent-output.js';
import { type AgentState, type AgentStep, stateAfter } from './agent-state.js';
import type { Children, Parentage } from './children.js';
import { Family } from './family.js';
import type { Input } from './input.js';
import type { NotifySocket, NotifySockets } from './notify-sockets.js';
import type { AgentOrder, SpawnCommand } from './order.js';
import { Outbox, type Outlet } from './outbox.js';
import { openStdio, type Stdio } from './stdio.js';
import { StopStages } from './stop-stages.js';

/** What is known of its main process from the start on. */
type Birth = Omit<Extract<FromKeeper, { type: 'spawned' }>, 'type' | 'agent' | 'record'>;

/** What all agents of a keeper share. */
export interface AgentContext {
  readonly children: Children<Agent>;
  readonly outlet: Outlet;
  readonly sockets: NotifySockets;
  /** Reports a problem of the agent. */
  problem(text: string): void;
  /** Whether a successor of the program may adopt it. Otherwise, without a program, output is read and dropped. */
  readonly keeps: boolean;
  /** Called once, when the agent is forgotten. */
  forgotten(agent: Agent): void;
}

/** One incarnation of an agent, from its start until its last record is acknowledged. What it may do when stands in `AGENT_STATES`. */
export class Agent implements Parentage, OutputListener {
  readonly children = new Set<number>();
  readonly order: AgentOrder;
  /** When the stops that the program above asks for are due. */
  readonly stages = new StopStages();
  readonly #context: AgentContext;
  readonly #outbox: Outbox;
  readonly #output: AgentOutput;
  #state: AgentState = 'new';
  #brand: bigint | null = null;
  #family: Family | undefined;
  #input: Input | undefined;
  #freezer: Freezer | undefined;
  #isAsked = false;
  #isKilled = false;
  #retry: NodeJS.Timeout | undefined;
  #notify: NotifySocket | null = null;
  #onGone: (() => void) | undefined;
  #birth: Birth = { pid: 0, ticks: 0, brand: '', at: 0 };

  constructor(order: AgentOrder, context: AgentContext) {
    this.order = order;
    this.#context = context;
    this.#outbox = new Outbox(order.agent, context.outlet, context.keeps);
    this.#output = new AgentOutput(this, context.keeps ? order : null);
  }

  get token(): string {
    return this.order.token;
  }

  get hasTree(): boolean {
    return stateAfter(this.#state, 'kill') !== null;
  }

  /** Spawns the process; with an errno as `refusal`, refuses to. Never throws: a process that does not start is reported by the record `failed`. */
  start(command: SpawnCommand, refusal: number): void {
    if (refusal !== 0) return this.#failed(refusal);
    const stdio = openStdio(this.order);
    if (typeof stdio === 'number') return this.#failed(stdio);
    const socket = this.#openSocket();
    if (typeof socket !== 'number') this.#notify = socket;
    this.#brand = this.#context.children.reserve(this);
    const pid = typeof socket === 'number' ? -socket : this.#spawn(command, stdio);
    if (typeof pid === 'number' && pid > 0) return this.#spawned(pid, stdio);
    stdio.closeAll();
    this.#notify?.close();
    this.#context.children.release(this, this.#brand, null);
    if (typeof pid === 'number') this.#failed(-pid);
    else this.#failed(pid.errno, pid.option);
  }

  /** Sends a signal to all members, or to the main process alone, whose end then kills the others; and SIGCONT to all. */
  ask(signal: number): void {
    if (!this.#enter('ask')) return;
    this.#freezer?.forget();
    this.#isAsked = true;
    if (this.order.mainOnly) this.#family!.signalMain(signal);
    else this.#family!.signal(signal);
    this.#family!.signal('SIGCONT');
  }

  /** Sends SIGKILL to all members, again each time that one was reaped, until none is left. */
  kill(): void {
    if (!this.#enter('kill')) return;
    this.#freezer?.forget();
    this.#isKilled = true;
    this.#killFrom(FIRST_RETRY);
  }

  signal(signal: number): void {
    if (this.#enter('signal')) this.#family!.signalGroup(signal);
  }

  freeze(round: number): void {
    const frozen = (problem: string | null) =>
      this.#outbox.add({ type: 'frozen', round, problem: problem ?? '', at: Date.now() });
    if (!this.#enter('freeze')) return frozen('it is not running');
    this.#freezer ??= new Freezer(this.#family!, systemClock);
    this.#freezer.freeze(frozen);
  }

  thaw(): void {
    if (!this.#enter('thaw')) return;
    this.#freezer?.forget();
    this.#family!.signal('SIGCONT');
  }

  input(bytes: Uint8Array): void {
    if (this.#enter('input')) this.#input!.write(bytes);
    else this.#outbox.add({ type: 'taken', errno: constants.errno.EPIPE });
  }

  resize(size: Size): void {
    if (this.#enter('input')) this.#input!.resize?.(size);
  }

  endInput(): void {
    this.#input?.end();
  }

  /** Its program is gone. */
  abandon(): void {
    this.#outbox.abandon();
    this.readOn();
    this.#settle();
  }

  /** What a successor must know to adopt it. */
  kept(): FromKeeper {
    const { agent, path, incarnation, token } = this.order;
    return { type: 'kept', agent, path, incarnation, token, ...this.#birth };
  }

  /** Another program takes it over. */
  adopt(): void {
    if (this.#outbox.adopt(this.#output.replay())) this.readOn();
  }

  /** No program will adopt it. */
  discard(): void {
    this.#outbox.discard();
    this.readOn();
    this.#settle();
  }

  drain(): void {
    this.#output.close();
  }

  acknowledge(record: number): void {
    this.#outbox.acknowledge(record);
    this.readOn();
    this.#settle();
  }

  /** Reads output again, if that was paused and there is room for it. */
  readOn(): void {
    if (!this.#outbox.hasRoom) return;
    this.#output.readOn();
    this.#notify?.readOn();
  }

  read(stream: number, bytes: Uint8Array): boolean {
    this.#outbox.add({ type: 'output', stream, bytes });
    return this.#outbox.hasRoom;
  }

  closed(stream: number): void {
    this.#outbox.add({ type: 'closed', stream });
    this.#settle();
  }

  /** One of its processes was reaped, and the children were listed since. `status`: that of the main process, if it was that one. */
  reaped(pid: number, status: number): void {
    if (pid === this.#family?.main && this.#enter('reaped')) this.#exiting(status);
    else if (this.children.size === 0 && this.#enter('emptied')) {
      this.#outbox.add({ type: 'gone' });
      this.#gone();
    }
    if (this.#isKilled) this.#killFrom(FIRST_RETRY);
  }

  /** Resolves with true when no process of it is left, with false after `ms`. */
  isGoneWithin(ms: number): Promise<boolean> {
    if (!this.hasTree) return Promise.resolve(true);
    return new Promise((resolve) => {
      // An end that the keeper has not noticed, because it was stopped itself, comes before the deadline.
      const timer = systemClock.setTimeout(() => setImmediate(() => resolve(!this.hasTree)), ms);
      this.#onGone = () => {
        systemClock.clearTimeout(timer);
        resolve(true);
      };
    });
  }

  #spawn(command: SpawnCommand, { terminal, descriptors }: Stdio): number | Refusal {
    const argv = withNice(command.argv, this.order);
    const spawned = () => spawn({ ...command, argv, terminal, descriptors });
    return withAttributes(this.order, () => (this.#brand === null ? spawned() : withBrand(this.#brand, spawned)));
  }

  #spawned(pid: number, stdio: Stdio): void {
    const { children } = this.#context;
    children.add(pid, this);
    this.#family = new Family(pid, this.children, () => children.list());
    this.#enter('spawned');
    stdio.closeTheirs();
    const { startTicks: ticks = 0 } = readStat(pid) ?? {};
    this.#birth = { pid, ticks, brand: String(this.#brand ?? ''), at: Date.now() };
    this.#outbox.add({ type: 'spawned', ...this.#birth });
    this.#input = stdio.openInput((errno) => this.#outbox.add({ type: 'taken', errno }));
    for (const [stream, descriptor] of stdio.outputs) this.#output.open(descriptor, stream);
  }

  #openSocket(): NotifySocket | number | null {
    if (this.order.socket === '') return null;
    return this.#context.sockets.open(this.order, {
      isOwn: (pid) => this.#context.children.isOf(pid, this),
      mayRead: () => this.#outbox.hasRoom,
      message: (bytes) => this.#outbox.add({ type: 'output', stream: STREAM.notify, bytes }),
      problem: this.#context.problem,
    });
  }

  #failed(errno: number, option = ''): void {
    this.#enter('failed');
    this.#outbox.add({ type: 'failed', errno, option, at: Date.now() });
  }

  /** The kernel closed its pipes before the exit, but they may not be read yet: two turns of the event loop are enough for a few bites. */
  #exiting(status: number): void {
    const at = Date.now();
    this.#context.sockets.read();
    this.#freezer?.forget();
    this.#input?.close();
    const exited = () => {
      const isEmpty = this.children.size === 0;
      this.#outbox.add({ type: 'exited', status, isEmpty, at });
      this.#enter(isEmpty ? 'exited empty' : 'exited');
      if (isEmpty) this.#gone();
      else if (this.#isAsked && this.order.mainOnly) this.kill();
    };
    setImmediate(() => (this.#output.isOpen ? setImmediate(exited) : exited()));
  }

  #gone(): void {
    clearTimeout(this.#retry);
    this.#notify?.close();
    this.stages.clear();
    this.#context.children.release(this, this.#brand, this.#family!.main);
    this.#onGone?.();
    this.#settle();
  }

  /** A member that forks while the members are listed, or that may not be signalled yet, is found the next time. */
  #killFrom(delay: number): void {
    clearTimeout(this.#retry);
    if (!this.hasTree || this.children.size === 0) return;
    this.#family!.signal('SIGKILL');
    this.#retry = setTimeout(() => this.#killFrom(Math.min(delay * 2, LONGEST_RETRY)), delay);
  }

  #settle(): void {
    const isUnread = this.#output.isOpen && this.#outbox.isWanted;
    if (this.#outbox.isEmpty && !isUnread && this.#enter('settled')) this.#context.forgotten(this);
  }

  /** Enters the state after a step. False when the present state does not allow it. */
  #enter(step: AgentStep): boolean {
    const next = stateAfter(this.#state, step);
    this.#state = next ?? this.#state;
    return next !== null;
  }
}

/** The delays between two signals to a tree that does not end, in ms. */
const FIRST_RETRY = 2;
const LONGEST_RETRY = 250;

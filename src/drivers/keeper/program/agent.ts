import { constants } from 'node:os';
import { systemClock } from '../../../contract/clock.js';
import type { TerminalSize } from '../../../model/process.js';
import { type FromKeeper, STREAM } from '../protocol/messages.js';
import { AgentOutput, type OutputListener } from './agent-output.js';
import { type AgentState, type AgentStep, stateAfter } from './agent-state.js';
import type { Birth, Body, BodyListener, Hands } from './hands.js';
import type { Input } from './input.js';
import type { AgentOrder, SpawnCommand } from './order.js';
import { Outbox, type Outlet } from './outbox.js';
import { StopStages } from './stop-stages.js';

/** What all agents of a keeper share. */
export interface AgentContext {
  readonly hands: Hands;
  readonly outlet: Outlet;
  /** Whether a successor of the program may adopt it. Otherwise, without a program, output is read and dropped. */
  readonly keeps: boolean;
  /** Called once, when the agent is forgotten. */
  forgotten(agent: Agent): void;
}

/** One incarnation of an agent, from its start until its last record is acknowledged. What it may do when stands in `AGENT_STATES`. */
export class Agent implements BodyListener, OutputListener {
  readonly order: AgentOrder;
  /** When the stops that the program above asks for are due. */
  readonly stages = new StopStages();
  readonly #context: AgentContext;
  readonly #outbox: Outbox;
  readonly #output: AgentOutput;
  #state: AgentState = 'new';
  #body: Body | undefined;
  #input: Input | undefined;
  #isAsked = false;
  #onGone: (() => void) | undefined;
  #birth: Birth = { pid: 0, ticks: 0, brand: '', at: 0 };

  constructor(order: AgentOrder, context: AgentContext) {
    this.order = order;
    this.#context = context;
    this.#outbox = new Outbox(order.agent, context.outlet, context.keeps);
    this.#output = new AgentOutput(this, context.keeps ? order : null);
  }

  get hasTree(): boolean {
    return stateAfter(this.#state, 'kill') !== null;
  }

  /** Spawns the process; with an errno as `refusal`, refuses to. Never throws: a process that does not start is reported by the record `failed`. */
  start(command: SpawnCommand, refusal: number): void {
    if (refusal !== 0) return this.failed(refusal);
    this.#context.hands.start(this.order, command, this);
  }

  spawned(body: Body): void {
    this.#body = body;
    this.#birth = body.birth;
    this.#enter('spawned');
    this.#outbox.add({ type: 'spawned', ...this.#birth });
    this.#input = body.openInput((errno) => this.#outbox.add({ type: 'taken', errno }));
    for (const [stream, open] of body.outputs) this.#output.open(stream, open);
  }

  failed(errno: number, option = ''): void {
    if (this.#enter('failed')) this.#outbox.add({ type: 'failed', errno, option, at: Date.now() });
  }

  /** Sends a signal to all members, or to the main process alone, whose end then kills the others; and SIGCONT to all. */
  ask(signal: number): void {
    if (!this.#enter('ask')) return;
    this.#isAsked = true;
    this.#body!.ask(signal);
  }

  /** Sends SIGKILL to all members, again each time that one was reaped, until none is left. */
  kill(): void {
    if (this.#enter('kill')) this.#body!.kill();
  }

  signal(signal: number): void {
    if (this.#enter('signal')) this.#body!.signal(signal);
  }

  freeze(round: number): void {
    const frozen = (problem: string | null) =>
      this.#outbox.add({ type: 'frozen', round, problem: problem ?? '', at: Date.now() });
    if (!this.#enter('freeze')) return frozen('it is not running');
    this.#body!.freeze(frozen);
  }

  thaw(): void {
    if (this.#enter('thaw')) this.#body!.thaw();
  }

  input(bytes: Uint8Array): void {
    if (this.#enter('input')) this.#input!.write(bytes);
    else this.#outbox.add({ type: 'taken', errno: constants.errno.EPIPE });
  }

  resize(size: TerminalSize): void {
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

  get hasRoom(): boolean {
    return this.#outbox.hasRoom;
  }

  notified(bytes: Uint8Array): void {
    this.#outbox.add({ type: 'output', stream: STREAM.notify, bytes });
  }

  /** Reads output again, if that was paused and there is room for it. */
  readOn(): void {
    if (!this.hasRoom) return;
    this.#output.readOn();
    this.#body?.readOn();
  }

  read(stream: number, bytes: Uint8Array): boolean {
    this.#outbox.add({ type: 'output', stream, bytes });
    return this.#outbox.hasRoom;
  }

  closed(stream: number): void {
    this.#outbox.add({ type: 'closed', stream });
    this.#settle();
  }

  /** The kernel closed its pipes before the exit, but they may not be read yet: two turns of the event loop are enough for a few bites. */
  ended(status: number): void {
    if (!this.#enter('reaped')) return;
    const at = Date.now();
    this.#input?.close();
    const exited = () => this.#body!.afterMain((isEmpty) => this.#exited(status, isEmpty, at));
    setImmediate(() => (this.#output.isOpen ? setImmediate(exited) : exited()));
  }

  emptied(): void {
    if (!this.#enter('emptied')) return;
    this.#outbox.add({ type: 'gone' });
    this.#gone();
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

  #exited(status: number, isEmpty: boolean, at: number): void {
    this.#outbox.add({ type: 'exited', status, isEmpty, at });
    this.#enter(isEmpty ? 'exited empty' : 'exited');
    if (isEmpty) this.#gone();
    else if (this.#isAsked && this.order.mainOnly) this.kill();
  }

  #gone(): void {
    this.stages.clear();
    this.#body!.release();
    this.#onGone?.();
    this.#settle();
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

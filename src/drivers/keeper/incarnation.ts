import { constants } from 'node:os';
import type { Clock } from '../../contract/clock.js';
import type { Blocker } from '../../model/agent.js';
import type { TerminalSize } from '../../model/process.js';
import {
  hasTree,
  type ProcessCommand,
  type ProcessFact,
  type ProcessPhase,
  phaseAfter,
} from '../../model/process-phase.js';
import type { Incarnation, Sink, StartOrder } from '../driver.js';
import { WordReader } from '../local/notify-channel.js';
import type { OomDetector } from '../local/oom.js';
import { signalOf } from '../local/signals.js';
import { Stdin } from '../local/stdin.js';
import { commandLine, type ProcStat } from '../proc/proc.js';
import type { Promiser } from '../promises.js';
import type { KeeperRecord, KeptAgent } from './connection.js';
import { InputStream } from './input-stream.js';
import type { Identity } from './membership.js';
import { STREAM, streamName, type ToKeeper } from './protocol/messages.js';
import { StageTimes } from './stage-times.js';
import { startMessage, startProblem } from './start-message.js';
import { endingOf } from './wait-status.js';

/** The keeper of an incarnation. */
export interface Parent {
  /** The column of its promises. */
  readonly promiser: Promiser;
  send(message: ToKeeper): void;
  /** The living processes of an incarnation. */
  membersOf(identity: Identity): ProcStat[];
}

/** The objects that all incarnations of one driver share. */
export interface KeeperContext {
  readonly clock: Clock;
  readonly oom: OomDetector;
  /** Called once after `run`, when it is known whether the process runs. */
  answered(): void;
  /** Called once, after the last fact. */
  ended(incarnation: KeptIncarnation): void;
}

/** One process and its tree below a keeper, from the queue until the tree is empty and its output was read. */
export class KeptIncarnation implements Incarnation {
  /** Its number in the protocol. */
  readonly agent: number;
  readonly #order: StartOrder;
  readonly #sink: Sink;
  readonly #context: KeeperContext;
  readonly #stdin: Stdin;
  readonly #input: InputStream;
  readonly #words: WordReader;
  readonly #open: Set<number>;
  #phase: ProcessPhase = 'queued';
  #kept: KeptAgent | null = null;
  #parent: Parent | undefined;
  #identity: Identity;
  /** Commands that came before the keeper has answered whether the process runs. */
  #postponed: (() => void)[] = [];
  /** The number of the last freeze: results of earlier ones are ignored. */
  #round = 0;
  #isKilled = false;
  /** Its input was closed, it was asked to end, or it was killed. */
  readonly #stages = new StageTimes();

  constructor(agent: number, order: StartOrder, sink: Sink, context: KeeperContext) {
    this.agent = agent;
    this.#order = order;
    this.#sink = sink;
    this.#context = context;
    this.#stdin = new Stdin(order.path, context.clock, order.spec.process.stdin);
    const isMerged = order.spec.output.order === 'merged';
    this.#open = new Set(isMerged ? [STREAM.stdout] : [STREAM.stdout, STREAM.stderr]);
    this.#identity = { token: order.token, main: null, brand: null };
    this.#words = new WordReader((word) => this.#phase !== 'ended' && sink.notified(word));
    this.#input = new InputStream({
      send: (bytes) => this.#send({ type: 'input', agent, bytes }),
      end: () => this.#send({ type: 'endInput', agent, after: this.#stages.since(this.#context.clock.now()) }),
    });
  }

  get identity(): Identity {
    return this.#identity;
  }

  /** True when an earlier program has started it. */
  get isAdopted(): boolean {
    return this.#kept !== null;
  }

  /** Takes over what an earlier program has started. `begin` and its records follow. */
  adopt(parent: Parent, kept: KeptAgent): void {
    this.#kept = kept;
    this.#parent = parent;
    this.#identity = { token: kept.token, main: null, brand: null };
    this.#advance('begin');
  }

  /** Reports that an adopted one was spawned, if it was. */
  begin(): void {
    if (this.#kept !== null && this.#kept.pid > 0) this.#spawned(this.#kept);
  }

  /** It has reached the front of the queue of starts. */
  run(parent: Parent): void {
    if (!this.#advance('begin')) return this.#context.answered();
    const start = startMessage(this.agent, this.#order, parent.promiser);
    if (typeof start === 'string') return this.#failed(start, this.#context.clock.wall());
    this.#parent = parent;
    parent.send(start);
  }

  /** Emits SPAWN_FAILED for an incarnation that waits in the queue. */
  refuse(detail: string): void {
    if (this.#phase === 'queued') this.#failed(detail, this.#context.clock.wall());
  }

  record(record: KeeperRecord): void {
    switch (record.type) {
      case 'spawned':
        return this.#spawned(record);
      case 'failed':
        return this.#failed(startProblem(record, this.#order), record.at);
      case 'output':
        return this.#read(record.stream, record.bytes);
      case 'closed':
        return this.#closed(record.stream);
      case 'exited':
        return this.#exited(record);
      case 'gone':
        return this.#report({ type: 'GONE' });
      case 'frozen':
        return record.round === this.#round ? this.#frozen(record.problem, record.at) : undefined;
      case 'taken':
        return this.#input.taken(record.errno);
    }
  }

  /** Its keeper has ended, and no process of it is left. `detail` says why its exit is not known. */
  lost(detail: string): void {
    const at = this.#context.clock.wall();
    this.#parent = undefined;
    this.#stdin.close();
    if (this.#phase === 'spawning') return this.#failed(detail, at);
    if (this.#advance('exit')) {
      this.#report({ type: 'EXITED', code: null, signal: null, detail, oom: false, empty: true, drained: true, at });
    }
    this.#report({ type: 'GONE' });
    this.#report({ type: 'DRAINED' });
  }

  ask(signal: string): void {
    const name = signalOf(signal);
    if (this.#isPostponed(() => this.ask(signal)) || !this.#advance('ask')) return;
    if (this.#phase === 'cancelled') return this.#cancel();
    this.#send({
      type: 'ask',
      agent: this.agent,
      signal: constants.signals[name],
      after: this.#stages.since(this.#context.clock.now()),
    });
  }

  kill(): void {
    if (this.#isPostponed(() => this.kill()) || !this.#advance('kill')) return;
    if (this.#phase === 'cancelled') return this.#cancel();
    this.#isKilled = true;
    this.#send({ type: 'kill', agent: this.agent, after: this.#stages.since(this.#context.clock.now()) });
  }

  signal(signal: string): void {
    const name = signalOf(signal);
    if (this.#isPostponed(() => this.signal(signal)) || !this.#advance('signal')) return;
    this.#send({ type: 'signal', agent: this.agent, signal: constants.signals[name] });
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#stdin.write(bytes);
  }

  endInput(): void {
    this.#stdin.end();
  }

  resize(size: TerminalSize): void {
    if (!this.#isPostponed(() => this.resize(size))) this.#send({ type: 'resize', agent: this.agent, ...size });
  }

  freeze(): void {
    if (this.#isPostponed(() => this.freeze())) return;
    this.#round += 1;
    if (this.#advance('freeze')) return this.#send({ type: 'freeze', agent: this.agent, round: this.#round });
    this.#context.clock.defer(() => this.#report({ type: 'FREEZE_FAILED', detail: 'it is not running' }));
  }

  thaw(): void {
    if (this.#isPostponed(() => this.thaw()) || !this.#advance('thaw')) return;
    this.#send({ type: 'thaw', agent: this.agent });
  }

  inspect(): Blocker[] {
    return this.#members().map((stat) => ({ pid: stat.pid, state: stat.state, command: commandLine(stat) }));
  }

  members(): number[] {
    return this.#members().map(({ pid }) => pid);
  }

  drain(): void {
    if (!this.#isPostponed(() => this.drain())) this.#send({ type: 'drain', agent: this.agent });
  }

  #members(): ProcStat[] {
    return hasTree(this.#phase) ? (this.#parent?.membersOf(this.#identity) ?? []) : [];
  }

  /** Of an adopted one the record may follow what is known already. */
  #spawned({ pid, ticks, brand, at }: Omit<Extract<KeeperRecord, { type: 'spawned' }>, 'type' | 'record'>): void {
    if (this.#identity.main !== null) return;
    const main = { pid, startTicks: ticks };
    this.#identity = { ...this.#identity, main, brand: brand === '' ? null : BigInt(brand) };
    this.#report({ type: 'SPAWNED', pid, at });
    if (this.#order.spec.process.stdin !== 'closed') this.#stdin.attach(this.#input);
    for (const command of this.#postponed.splice(0)) command();
  }

  #read(stream: number, bytes: Uint8Array): void {
    if (stream === STREAM.notify) return this.#words.push(bytes);
    if (this.#phase !== 'ended') this.#sink.output(streamName(stream), bytes);
  }

  #closed(stream: number): void {
    if (stream === STREAM.notify) return this.#words.end();
    if (this.#open.delete(stream) && this.#open.size === 0) this.#report({ type: 'DRAINED' });
  }

  #exited({ status, isEmpty, at }: Extract<KeeperRecord, { type: 'exited' }>): void {
    if (!this.#advance('exit')) return;
    this.#stdin.close();
    const { code, signal } = endingOf(status);
    const pid = this.#identity.main?.pid ?? 0;
    const oom = signal === 'SIGKILL' && !this.#isKilled && this.#context.oom.killed(pid);
    const drained = this.#open.size === 0;
    this.#report({ type: 'EXITED', code, signal, detail: '', oom, empty: isEmpty, drained, at });
  }

  #frozen(problem: string, at: number): void {
    if (problem === '') this.#report({ type: 'FROZEN', at });
    else this.#report({ type: 'FREEZE_FAILED', detail: problem });
  }

  /** True when the command is carried out later, if the process runs. */
  #isPostponed(command: () => void): boolean {
    if (this.#phase === 'spawning') this.#postponed.push(command);
    return this.#phase === 'spawning';
  }

  #cancel(): void {
    this.#stdin.close();
    this.#context.clock.defer(() => this.#report({ type: 'GONE' }));
  }

  #failed(detail: string, at: number): void {
    if (phaseAfter(this.#phase, 'SPAWN_FAILED') === null) return;
    this.#stdin.close();
    this.#report({ type: 'SPAWN_FAILED', detail, at });
  }

  #send(message: ToKeeper): void {
    if (this.#phase !== 'ended') this.#parent?.send(message);
  }

  /** Enters the phase that the step leads to. False when the present phase does not allow the step. */
  #advance(step: ProcessCommand | 'exit'): boolean {
    const next = phaseAfter(this.#phase, step);
    this.#phase = next ?? this.#phase;
    return next !== null;
  }

  /** Reports a fact if the present phase allows it. */
  #report(fact: WithoutIncarnation<ProcessFact>): void {
    const whole = { ...fact, incarnation: this.#order.incarnation };
    const next = phaseAfter(this.#phase, whole);
    if (next === null) return;
    if (this.#phase === 'spawning' && next !== 'spawning' && !this.isAdopted) this.#context.answered();
    this.#phase = next;
    this.#sink.fact(whole);
    if (next === 'ended') this.#context.ended(this);
  }
}

type WithoutIncarnation<F> = F extends ProcessFact ? Omit<F, 'incarnation'> : never;

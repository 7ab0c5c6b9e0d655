import type { Answer, Effect, Engine, Fact, Status, StopCause, Token, Verb } from '../../src/model/fact.js';
import type { Reason } from '../../src/model/reason.js';
import type { NodeSpec } from '../../src/model/spec.js';

/** What the world can be slow about. */
export type Kind = 'start' | 'stop' | 'delay';

/** Something that the world still owes the engine: the answer to a start, to a stop, or the end of a delay. */
export interface Debt {
  readonly kind: Kind;
  /** The child. Of a delay: the one whose end made it necessary. */
  readonly name: string;
  /** When it falls due; only delays lie in the future. */
  readonly at: number;
  readonly pay: () => void;
}

/** How a world pays. If not given, at once. */
export type Payment = (debt: Debt) => void;

export const CRASH: Reason = { kind: 'abnormal', detail: 'exit code 1' };
export const START_FAILED: Reason = { kind: 'start-failed', detail: 'exit code 1 before it was ready' };

interface Life {
  readonly generation: number;
  readonly ready: boolean;
}

type Finished = Extract<Effect, { type: 'finished' }>;

/**
 * A virtual world around an engine: it performs effects as a supervisor's actor would, with children that live in a Map. Facts go through
 * a queue, never recursively. Every broken promise of the engine is noted in `violations`.
 */
export class World {
  now = 0;
  random = 0;
  /** `+a` for each start of a, `-a` for each time a is told to stop, in order. */
  readonly log: string[] = [];
  readonly effects: Effect[] = [];
  readonly facts: Fact[] = [];
  readonly statuses: Status[] = [];
  readonly finished: Finished[] = [];
  readonly answers = new Map<Token, Answer[]>();
  readonly lives = new Map<string, Life>();
  readonly violations: string[] = [];
  /** How many of the next starts of a child fail. */
  readonly failures = new Map<string, number>();
  /** Children that cannot be ended. */
  readonly stubborn = new Set<string>();
  /** Kinds of debts that are kept in `debts` until the test pays them. */
  readonly held = new Set<Kind>();
  /** Only those delays are held that follow a failed start: OTP's message to itself (R8). */
  holdAfterFailure = false;
  debts: Debt[] = [];
  readonly engine: Engine;
  readonly #payment: Payment;
  readonly #queue: Fact[] = [];
  #draining = false;
  #failed = false;
  #tokens = 0;
  #halted = false;
  #retried = '';

  constructor(engine: Engine, payment: Payment = (debt) => debt.pay()) {
    this.engine = engine;
    this.#payment = payment;
  }

  boot(): this {
    this.tell({ type: 'boot', at: this.now });
    return this;
  }

  halt(brutal = false): void {
    this.#halted = true;
    this.tell({ type: 'halt', at: this.now, brutal });
  }

  /** Asks the engine to add a child. Returns the token of the answer. */
  add(spec: NodeSpec): Token {
    const token = ++this.#tokens;
    this.answers.set(token, []);
    this.tell({ type: 'add', token, spec, at: this.now });
    return token;
  }

  /** Gives the engine a command. Returns the token of the answer. */
  command(verb: Verb, id: string): Token {
    const token = ++this.#tokens;
    this.answers.set(token, []);
    this.tell({ type: 'command', token, verb, id, at: this.now });
    return token;
  }

  /** The answer in one word: `ok`, a code, or `pending`. */
  answer(token: Token): string {
    const [answer] = this.answers.get(token) ?? [];
    if (!answer) return 'pending';
    return answer.ok ? 'ok' : answer.code;
  }

  /** A child ends by itself. Does nothing when it does not live. */
  exit(id: string, reason: Reason): void {
    const life = this.lives.get(id);
    if (!life) return;
    this.lives.delete(id);
    this.tell({ type: 'ended', id, generation: life.generation, at: this.now, random: this.random, reason });
  }

  /** A child that nobody asked to stop turns out to be a zombie: its agent ended it for a limit, a probe or a timeout, in vain. */
  condemn(id: string): void {
    const life = this.lives.get(id);
    if (life) this.tell({ type: 'stuck', id, generation: life.generation, at: this.now, blockers: 'pid 7 (D)' });
  }

  /** The next `times` starts of a child fail. */
  failNext(id: string, times = 1): void {
    this.failures.set(id, times);
  }

  /** Pays the oldest held debt of this kind (and name). Throws when there is none: the test expects one. */
  pay(kind: Kind, name?: string): void {
    const debt = this.debts.find((other) => other.kind === kind && (name === undefined || other.name === name));
    if (!debt) throw new Error(`the world owes no ${kind} ${name ?? ''}`);
    this.#settle(debt);
  }

  #settle(debt: Debt): void {
    this.debts = this.debts.filter((other) => other !== debt);
    debt.pay();
  }

  /** Moves the clock on, and pays the held delays that fall due on the way, oldest first. */
  advance(ms: number): void {
    const until = this.now + ms;
    const waiting = this.debts.filter((debt) => debt.kind === 'delay' && debt.at <= until);
    for (const debt of waiting.sort((a, b) => a.at - b.at)) {
      this.now = Math.max(this.now, debt.at);
      this.#settle(debt);
    }
    this.now = until;
  }

  /** Which children are in which phase, newest first: `c up, b down, a up`. */
  phases(): string {
    return this.engine
      .which()
      .map((row) => `${row.id} ${row.phase}`)
      .join(', ');
  }

  /** The log since it was last asked for, as one line. */
  takeLog(): string {
    return this.log.splice(0).join(' ');
  }

  /** The reason with which the engine finished; `null` while it has not. */
  end(): string | null {
    return this.finished[0]?.reason.kind ?? null;
  }

  /** Gives the engine a fact, now or after those that already wait. */
  tell(fact: Fact): void {
    this.#queue.push(fact);
    if (this.#draining) return;
    this.#draining = true;
    try {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) this.#take(next);
    } finally {
      this.#draining = false;
    }
  }

  #take(fact: Fact): void {
    this.facts.push(fact);
    for (const effect of this.engine.decide(fact)) {
      this.effects.push(effect);
      this.#perform(effect);
    }
  }

  #perform(effect: Effect): void {
    if (this.finished.length > 0) this.#checkAfterEnd(effect);
    if (effect.type === 'start') this.#start(effect.id, effect.generation);
    else if (effect.type === 'stop') this.#stop(effect.id, effect.brutal, effect.cause);
    else if (effect.type === 'retry') this.#noteRetry(effect);
    else if (effect.type === 'delay')
      this.#owe('delay', this.#retried, effect.delay, () => this.#delayOver(effect.sweep));
    else if (effect.type === 'answer') this.#answered(effect.token, effect.answer);
    else if (effect.type === 'status') this.statuses.push(effect.status);
    else if (effect.type === 'finished') this.#finish(effect);
    else if (effect.type === 'remove' && this.lives.has(effect.id)) this.violations.push(`${effect.id} removed alive`);
  }

  #noteRetry({ id, reason }: Extract<Effect, { type: 'retry' }>): void {
    this.#retried = id;
    this.#failed = reason.kind === 'start-failed';
  }

  #start(id: string, generation: number): void {
    this.log.push(`+${id}`);
    if (this.lives.has(id)) this.violations.push(`${id} started while its previous life has not ended`);
    if (this.#halted) this.violations.push(`${id} started after the halt`);
    this.lives.set(id, { generation, ready: false });
    this.#owe('start', id, 0, () => this.#started(id, generation));
  }

  #started(id: string, generation: number): void {
    const life = this.lives.get(id);
    if (life?.generation !== generation || life.ready) return;
    const failures = this.failures.get(id) ?? 0;
    this.failures.set(id, Math.max(0, failures - 1));
    if (failures > 0) this.exit(id, START_FAILED);
    else this.#isReady(id, generation);
  }

  #isReady(id: string, generation: number): void {
    this.lives.set(id, { generation, ready: true });
    this.tell({ type: 'ready', id, generation, at: this.now });
  }

  /** A command's stop is passed on to a child that is down too: its last state is to say who wanted it down. */
  #stop(id: string, brutal: boolean, cause: StopCause): void {
    const life = this.lives.get(id);
    if (!life && cause !== 'command') this.violations.push(`${id} told to stop (${cause}) though it does not live`);
    if (!life) return;
    this.log.push(`-${id}`);
    this.#owe('stop', id, 0, () => this.#stopped(id, life.generation, brutal));
  }

  #stopped(id: string, generation: number, brutal: boolean): void {
    if (this.lives.get(id)?.generation !== generation) return;
    if (this.stubborn.has(id)) this.tell({ type: 'stuck', id, generation, at: this.now, blockers: 'pid 7 (D)' });
    else this.exit(id, { kind: brutal ? 'killed' : 'shutdown' });
  }

  #delayOver(sweep: number): void {
    this.tell({ type: 'delay-over', sweep, at: this.now });
  }

  #owe(kind: Kind, name: string, delay: number, pay: () => void): void {
    const debt: Debt = { kind, name, at: this.now + delay, pay };
    const hold = this.held.has(kind) || (kind === 'delay' && this.holdAfterFailure && this.#failed);
    if (hold) this.debts.push(debt);
    else this.#payment(debt);
  }

  #answered(token: Token, answer: Answer): void {
    const answers = this.answers.get(token);
    if (!answers) return void this.violations.push(`an answer to token ${token}, which nobody holds`);
    answers.push(answer);
    if (answers.length > 1) this.violations.push(`token ${token} answered ${answers.length} times`);
  }

  #finish(effect: Finished): void {
    this.finished.push(effect);
    this.statuses.push('ended');
    const left = [...this.lives.keys()].filter((id) => !effect.left.includes(id));
    if (left.length > 0) this.violations.push(`finished while ${left.join(', ')} live`);
  }

  #checkAfterEnd(effect: Effect): void {
    const allowed = ['answer', 'stale', 'remove', 'gone'];
    if (!allowed.includes(effect.type)) this.violations.push(`${effect.type} after the end`);
  }
}

/** The effects of one type that the engine has asked for, in order. */
export function told<T extends Effect['type']>(world: World, type: T): Extract<Effect, { type: T }>[] {
  return world.effects.filter((effect): effect is Extract<Effect, { type: T }> => effect.type === type);
}

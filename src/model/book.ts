import type { Answer, AnswerCode, DecidedStatus, Effect, End, Phase, Status, Token } from './fact.js';
import { describeReason, type Reason } from './reason.js';
import { type Charge, charge } from './restart.js';
import type { PoolSpec, SupervisorSpec } from './spec.js';

/*
 * What the static engine and that of a pool have in common: how a member is remembered, how callers are answered, how restarts are
 * charged, and how an engine ends. What differs is in supervision/ and in pool/. A state is changed in place by its one owner, the
 * engine: a copy per fact would make the start of N children quadratic (docs/decisions/0001).
 */

/** Who waits until a member is up, or down. */
export interface Waiter {
  readonly token: Token;
  readonly until: 'up' | 'down';
}

/** A child or an instance. */
export interface Member {
  readonly id: string;
  phase: Phase;
  /** Counts the starts; every fact carries it. */
  generation: number;
  /** When it became ready, on the clock of the facts; -1 while it is not. */
  readyAt: number;
  /** Unplanned ends in a row, for the backoff. */
  streak: number;
  /** Its own budget, where one member's ends must not condemn another. */
  stamps: readonly number[];
  /** Its budget was exceeded and it is on the one try of a cooldown. */
  halfOpen: boolean;
  waiters: Waiter[];
}

/** What every engine remembers. */
export interface Book {
  readonly spec: SupervisorSpec | PoolSpec;
  status: Status;
  /** Nothing starts any more, though its own stop has not come yet. */
  hushed: boolean;
  /** With what it ends when the last member is down; `null` while no end has begun. */
  finish: Omit<End, 'left'> | null;
  /** The shared budget. */
  stamps: readonly number[];
  out: Effect[];
}

/** What a member is remembered with at first. */
export function freshMember(id: string, generation: number): Member {
  return { id, phase: 'down', generation, readyAt: -1, streak: 0, stamps: [], halfOpen: false, waiters: [] };
}

/** What a book begins with. */
export function emptyBook(): Omit<Book, 'spec'> {
  return { status: 'idle', hushed: false, finish: null, stamps: [], out: [] };
}

/** True while a process (or what is left of it) may exist. */
export function isAlive(member: Member): boolean {
  return member.phase !== 'down' && member.phase !== 'restarting';
}

/** True from the beginning of its stop on. */
export function isEnding({ status }: Book): boolean {
  return status === 'stopping' || status === 'failing' || status === 'ended';
}

/** False before it boots and once its end has begun, be it that of a supervisor above. */
export function takesCommands(book: Book): boolean {
  return book.status !== 'idle' && !isEnding(book) && !book.hushed;
}

export function setStatus(book: Book, status: DecidedStatus): void {
  book.status = status;
  book.out.push({ type: 'status', status });
}

export function answer(book: Book, token: Token, reply: Answer): void {
  book.out.push({ type: 'answer', token, answer: reply });
}

export function refuse(book: Book, token: Token, code: AnswerCode, reason: string): void {
  answer(book, token, { ok: false, code, reason });
}

/** Answers those who wait for `until`; all of them when it is not given. */
export function answerWaiters(book: Book, member: Member, reply: Answer, until?: 'up' | 'down'): void {
  if (member.waiters.length === 0) return;
  const waiting = member.waiters;
  member.waiters = until === undefined ? [] : waiting.filter((waiter) => waiter.until !== until);
  for (const waiter of waiting) {
    if (until === undefined || waiter.until === until) answer(book, waiter.token, reply);
  }
}

/** A person's start is free and clears the budget; OTP's leaves it as it is. */
export function pardon(book: Book, member: Member): void {
  if (book.spec.otpExact) return;
  book.stamps = [];
  member.streak = 0;
  forgive(member);
}

/** It was ready for long enough after its cooldown. */
export function forgive(member: Member): void {
  member.stamps = [];
  member.halfOpen = false;
}

/** Charges one restart to the budget that it belongs to: the shared one where the engine gives up as a whole (docs/decisions/0004). */
export function chargeFor(book: Book, member: Member, at: number): Charge {
  const { budget, otpExact, onExhausted } = book.spec;
  const owner = onExhausted === 'escalate' ? book : member;
  const charged = charge(owner.stamps, at, budget, otpExact);
  owner.stamps = charged.stamps;
  return charged;
}

/** Why an engine gives up whose budget `member` has spent: OTP hides it as a shutdown. */
export function givenUp({ spec }: Book, member: Member, restarts: number, last: Reason): Reason {
  if (spec.otpExact) return { kind: 'shutdown' };
  const { within } = spec.budget;
  return {
    kind: 'exhausted',
    detail: `${member.id} ended ${restarts} times within ${within} ms, last with ${describeReason(last)}`,
  };
}

/** The end of an engine. Members that cannot be ended are named in it. */
export function tellFinished(book: Book, members: Iterable<Member>): void {
  const left = [...members].filter(({ phase }) => phase === 'stuck').map(({ id }) => id);
  book.status = 'ended';
  const { reason, child } = book.finish ?? { reason: { kind: 'shutdown' }, child: null };
  book.out.push({ type: 'finished', reason, child, left });
}

/** A member that could not be ended has gone after all: told when it was the last one. */
export function tellGone(book: Book, members: Iterable<Member>): void {
  if (book.status === 'ended' && ![...members].some(({ phase }) => phase === 'stuck')) book.out.push({ type: 'gone' });
}

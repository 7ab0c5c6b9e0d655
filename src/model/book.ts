import type { ChildPast, PlannedRestart } from './earlier.js';
import type { Answer, AnswerCode, DecidedStatus, Effect, End, Phase, Status, Token } from './fact.js';
import { describeReason, type Reason } from './reason.js';
import { type Charge, charge } from './restart.js';
import type { PoolSpec, SupervisorSpec } from './spec.js';

/*
 * The common part of the static engine and of the pool's: the record of a member, the answers to callers, the charge of restarts, and the end of an
 * engine. The different parts are in supervision/ and in pool/. A state is changed in place by its only owner, the engine: a copy for each fact would
 * make the start of N children quadratic (docs/decisions/0001).
 */

/** A caller that waits until a member is up, or down. */
export interface Waiter {
  readonly token: Token;
  readonly until: 'up' | 'down';
}

/** A child or an instance. */
export interface Member {
  readonly id: string;
  phase: Phase;
  /** The number of starts; every fact carries it. */
  generation: number;
  /** When it became ready, on the clock of the facts, which may be negative; `null` before that. */
  readyAt: number | null;
  /** Unplanned ends in a row, for the backoff. */
  streak: number;
  /** Its own budget, for engines in which the failures of one member do not count for another. */
  stamps: readonly number[];
  /** It exceeded its budget and has the one attempt that follows a cooldown. */
  halfOpen: boolean;
  /** The last restart that was planned for it. */
  planned: PlannedRestart | null;
  /** Since when it is ready, for one that an earlier program has started, until its readiness is noted here. */
  upSince: number | null;
  waiters: Waiter[];
}

/** The state that every engine has. */
export interface Book {
  readonly spec: SupervisorSpec | PoolSpec;
  status: Status;
  /** A supervisor above is stopping: nothing starts any more, and the stop of this one follows. */
  quiesced: boolean;
  /** The result of the stop, emitted when the last member is down; `null` before a stop. */
  finish: Omit<End, 'left'> | null;
  /** The shared budget. */
  stamps: readonly number[];
  out: Effect[];
}

/** A new member's record. */
export function freshMember(id: string, generation: number): Member {
  const charged = { streak: 0, stamps: [], halfOpen: false, planned: null };
  return { id, phase: 'down', generation, readyAt: null, upSince: null, ...charged, waiters: [] };
}

/** Gives a new member the restarts that it was charged with before the program was started again. */
export function restoreMember(member: Member, past: ChildPast | undefined): void {
  if (past === undefined) return;
  member.stamps = past.stamps;
  member.streak = past.streak;
  member.halfOpen = past.isHalfOpen;
  member.upSince = past.readyAt;
}

/** What a successor of the program must know of a member, beside what its engine knows alone. */
export function pastOfMember({ phase, stamps, streak, readyAt, halfOpen, planned }: Member) {
  return {
    stamps,
    streak,
    readyAt: phase === 'up' ? readyAt : null,
    isHalfOpen: halfOpen,
    planned: phase === 'restarting' ? planned : null,
  };
}

/** It is ready since `at`, or since the time that an earlier program has noted. */
export function noteReady(member: Member, at: number): void {
  member.phase = 'up';
  member.readyAt = member.upSince ?? at;
  member.upSince = null;
}

/** Emits that a member waits for its planned restart, for `delay` ms from now. */
export function emitRetry(book: Book, { id, stamps }: Member, sweep: number, delay: number, reason: Reason): void {
  const { budget, onExhausted } = book.spec;
  const restarts = (onExhausted === 'escalate' ? book.stamps : stamps).length;
  const left = Math.max(0, budget.maxRestarts - restarts);
  book.out.push({ type: 'retry', id, delay, restarts, left, reason });
  book.out.push({ type: 'delay', sweep, delay });
}

/** A new book. */
export function emptyBook(): Omit<Book, 'spec'> {
  return { status: 'idle', quiesced: false, finish: null, stamps: [], out: [] };
}

/** True while a process (or its remains) may exist. */
export function isAlive(member: Member): boolean {
  return member.phase !== 'down' && member.phase !== 'restarting';
}

/** True once its stop has begun. */
export function isEnding({ status }: Book): boolean {
  return status === 'stopping' || status === 'failing' || status === 'ended';
}

/** False before the boot and once its stop, or that of a supervisor above, has begun. */
export function takesCommands(book: Book): boolean {
  return book.status !== 'idle' && !isEnding(book) && !book.quiesced;
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

/** Answers the callers that wait for `until`; all of them if it is not given. */
export function answerWaiters(book: Book, member: Member, reply: Answer, until?: 'up' | 'down'): void {
  if (member.waiters.length === 0) return;
  const waiting = member.waiters;
  member.waiters = until === undefined ? [] : waiting.filter((waiter) => waiter.until !== until);
  for (const waiter of waiting) {
    if (until === undefined || waiter.until === until) answer(book, waiter.token, reply);
  }
}

/** A start by command is not charged and clears the budget; OTP's leaves the budget unchanged. */
export function pardon(book: Book, member: Member): void {
  if (book.spec.otpExact) return;
  book.stamps = [];
  member.streak = 0;
  forgive(member);
}

/** Clears the budget of a member that was ready for long enough after its cooldown. */
export function forgive(member: Member): void {
  member.stamps = [];
  member.halfOpen = false;
}

/** Charges one restart to the budget that applies: the shared one if the engine fails as a whole (docs/decisions/0004). */
export function chargeFor(book: Book, member: Member, at: number): Charge {
  const { budget, otpExact, onExhausted } = book.spec;
  const owner = onExhausted === 'escalate' ? book : member;
  const charged = charge(owner.stamps, at, budget, otpExact);
  owner.stamps = charged.stamps;
  return charged;
}

/** The reason of an engine that fails because `member` has used up the budget. OTP reports it as a shutdown. */
export function givenUp({ spec }: Book, member: Member, restarts: number, last: Reason): Reason {
  if (spec.otpExact) return { kind: 'shutdown' };
  const { within } = spec.budget;
  return {
    kind: 'exhausted',
    detail: `${member.id} ended ${restarts} times within ${within} ms, last with ${describeReason(last)}`,
  };
}

/** The end of an engine, with the members that cannot be ended. */
export function emitFinished(book: Book, members: Iterable<Member>): void {
  const left = [...members].filter(({ phase }) => phase === 'stuck').map(({ id }) => id);
  book.status = 'ended';
  const { reason, child } = book.finish ?? { reason: { kind: 'shutdown' }, child: null };
  book.out.push({ type: 'finished', reason, child, left });
}

/** A zombie member has ended after all: emits that when it was the last one. */
export function tellGone(book: Book, members: Iterable<Member>): void {
  if (book.status === 'ended' && ![...members].some(({ phase }) => phase === 'stuck')) book.out.push({ type: 'gone' });
}

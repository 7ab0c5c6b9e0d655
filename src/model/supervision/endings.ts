import { answerWaiters, chargeFor, forgive, givenUp, isAlive, isEnding } from '../book.js';
import type { Effect } from '../fact.js';
import { affectedBy } from '../order.js';
import { describeReason, type Reason } from '../reason.js';
import { backoffDelay, type Charge, charge, nextStreak, shouldRestart } from '../restart.js';
import { deferEnd, dropEnd, isBusy, isOrdered } from './mailbox.js';
import { isParallel, noteTried } from './starts.js';
import { type Child, type Deferred, type Ended, openSweep, removeChild, type State, type Sweep } from './state.js';
import { beginHalt, settleDown } from './sweep.js';

type Exhausted = Extract<Effect, { type: 'exhausted' }>;

/** Takes in the end of a living child. */
export function onEnded(state: State, child: Child, fact: Ended): void {
  const was = child.phase;
  const readyFor = child.readyAt < 0 ? -1 : fact.at - child.readyAt;
  child.phase = 'down';
  state.pending.add(child.sweep);
  noteTried(state, child);
  if (wasMeant(state, child, was)) return settleDown(state, child);
  if (was === 'stuck' && child.due !== 'none') {
    return void openSweep(state, [child.id], { cause: 'sibling', ordered: isOrdered(state) });
  }
  child.due = 'none';
  if (state.hushed)
    answerWaiters(state, child, { ok: false, code: 'SUPERSEDED', reason: 'the stop of its supervisor' });
  else if (was === 'starting') onStartFailed(state, child, fact);
  else if (isBusy(state) || endsBoot(state, child, fact))
    deferEnd(state, child, { type: 'end', child, fact, readyFor });
  else concludeEnd(state, child, fact, readyFor);
}

/** Children that start in parallel are restarted while others still boot; what would end the supervisor waits until it has booted (S7). */
function endsBoot(state: State, child: Child, fact: Ended): boolean {
  if (state.status !== 'booting') return false;
  const { autoShutdown, onExhausted, budget, otpExact } = state.spec;
  if (!shouldRestart(child.restart, fact.reason)) return child.significant && autoShutdown !== 'never';
  return onExhausted === 'escalate' && charge(state.stamps, state.now, budget, otpExact).exceeded;
}

/** A child that was up has ended by itself. */
function concludeEnd(state: State, child: Child, fact: Ended, readyFor: number): void {
  if (shouldRestart(child.restart, fact.reason)) restart(state, child, fact, readyFor);
  else onDone(state, child);
}

/** Decides what was put off while an ordered operation was under way. */
export function onDeferred(state: State, item: Extract<Deferred, { type: 'end' | 'failure' }>): void {
  if (item.type === 'failure') return onDeferredFailure(state, item);
  item.child.endWaits = false;
  concludeEnd(state, item.child, item.fact, item.readyFor);
}

/** A child that was stopped meanwhile is not tried again; those that waited for it start. */
function onDeferredFailure(state: State, item: Extract<Deferred, { type: 'failure' }>): void {
  const { child, fact } = item;
  if (child.sweep === item.sweep && child.phase === 'restarting') {
    child.phase = 'down';
    child.due = 'none';
    restart(state, child, fact, -1);
  }
  const held = state.sweeps.get(item.sweep);
  if (held !== undefined) onDelayOver(state, held);
}

/** True when the end was on its way anyway: it was told to stop, or its turn to be told had not come (P2). */
function wasMeant(state: State, child: Child, was: Child['phase']): boolean {
  if (isEnding(state) || was === 'stopping') return true;
  return (
    child.due === 'stop' || (child.due === 'cycle' && was !== 'stuck') || (was === 'stuck' && child.goal === 'down')
  );
}

function onStartFailed(state: State, child: Child, fact: Ended): void {
  const reason = describeReason(fact.reason);
  answerWaiters(state, child, { ok: false, code: 'START_FAILED', reason });
  switch (child.origin) {
    case 'boot':
      if (state.spec.boot === 'strict') return failBoot(state, child, reason);
      break;
    case 'add':
      return removeChild(state, child);
    case 'restart_child':
      return;
  }
  if (child.restart === 'temporary') removeChild(state, child);
  else if (isOrdered(state) && state.mailbox.length > 0) putOffRetry(state, child, fact);
  else restart(state, child, fact, -1);
}

/** OTP sends itself a message to try again: what came before it is read before it. The operation under way ends here. */
function putOffRetry(state: State, child: Child, fact: Ended): void {
  const sweep = holdRestart(state, child, true);
  state.mailbox.push({ type: 'failure', child, fact, sweep: sweep.id });
}

/** S2: no retry, the budget is not asked; what had started is stopped in reverse. */
export function failBoot(state: State, child: Child, detail: string): void {
  beginHalt(state, 'failing', { kind: 'start-failed', detail }, child.id, false);
}

/** It ended by itself and is not restarted: it may be what an automatic shutdown waited for (U1, U2). */
function onDone(state: State, child: Child): void {
  const shutdown = child.significant && endsTheTree(state, child);
  if (child.restart === 'temporary') removeChild(state, child);
  if (shutdown) beginHalt(state, 'stopping', { kind: 'shutdown' }, child.id, false);
}

function endsTheTree(state: State, child: Child): boolean {
  if (state.spec.autoShutdown === 'never') return false;
  if (state.spec.autoShutdown === 'any_significant') return true;
  const others = [...state.children.values()].filter((other) => other !== child && other.significant);
  return others.every((other) => other.phase === 'down' && !other.endWaits);
}

/** Charges the restart and, within the budget, plans it for all whom the strategy touches (R5 to R8, T1 to T3). */
function restart(state: State, child: Child, fact: Ended, readyFor: number): void {
  const { spec } = state;
  child.streak = nextStreak(child.streak, readyFor, spec.backoff);
  if (child.halfOpen && child.streak === 1 && readyFor >= 0) forgive(child);
  const charged = chargeFor(state, child, state.now);
  if (charged.exceeded || child.halfOpen) return exhaust(state, child, fact.reason, charged);
  const delay = backoffDelay(spec.backoff, child.streak, fact.random);
  plan(state, child, { delay, charged, reason: fact.reason, again: readyFor < 0 });
}

interface Plan {
  readonly delay: number;
  readonly charged: Charge;
  readonly reason: Reason;
  /** Its start has failed: OTP answers calls before it tries again (R8). */
  readonly again: boolean;
}

function plan(state: State, child: Child, { delay, charged, reason, again }: Plan): void {
  const sweep = holdRestart(state, child, again || delay > 0);
  const restarts = charged.stamps.length;
  state.out.push({ type: 'retry', id: child.id, delay, restarts, left: charged.left, reason });
  state.out.push({ type: 'delay', sweep: sweep.id, delay });
}

/**
 * Takes the child, and whom the strategy ties to it, into a new sweep that is held until its delay is over. `atRest`: calls and ends are
 * taken in meanwhile; otherwise the restart has begun already.
 */
function holdRestart(state: State, child: Child, atRest: boolean): Sweep {
  const affected = affectedBy(state.spec.strategy, state.order, child.id);
  for (const id of affected) planSibling(state, state.children.get(id) as Child);
  child.phase = 'restarting';
  child.due = 'start';
  const members = affected.filter((id) => state.children.has(id));
  const ordered = !atRest && !isParallel(state);
  return openSweep(state, members, { cause: 'sibling', culprit: child.id, hold: true, ordered });
}

/** A restart under one_for_one begins, be its delay over or not: nobody waits for its start. */
export function beginRestart(state: State, sweep: Sweep | undefined): void {
  if (sweep === undefined) return;
  sweep.hold = false;
  state.pending.add(sweep.id);
  state.busy.delete(sweep.id);
}

/** The delay of a restart is over. Under one_for_one nobody waits for its start. Otherwise, whoever has come under the strategy meanwhile is stopped and started with the others. */
export function onDelayOver(state: State, sweep: Sweep): void {
  beginRestart(state, sweep);
  if (!isOrdered(state)) return;
  const culprit = sweep.culprit === null ? undefined : state.children.get(sweep.culprit);
  state.busy.add(sweep.id);
  if (culprit?.sweep !== sweep.id) return;
  const affected = affectedBy(state.spec.strategy, state.order, culprit.id);
  const others = affected.filter((id) => state.children.get(id)?.sweep !== sweep.id);
  if (others.length === 0) return;
  for (const id of others) planSibling(state, state.children.get(id) as Child);
  const members = affected.filter((id) => state.children.has(id));
  openSweep(state, members, { cause: 'sibling', culprit: culprit.id, ordered: true });
}

/**
 * A sibling goes down and comes up again, unless it is temporary (T6) or a person wants it down. A temporary one whose first start has
 * not come yet keeps its turn.
 */
function planSibling(state: State, sibling: Child): void {
  const stays = sibling.restart === 'temporary' || sibling.goal === 'down';
  if (sibling.endWaits && sibling.restart === 'temporary') {
    dropEnd(state, sibling);
    return removeChild(state, sibling);
  }
  dropEnd(state, sibling);
  if (isAlive(sibling)) sibling.due = stays ? 'stop' : 'cycle';
  else if (!stays) sibling.due = 'start';
  else if (sibling.goal === 'down') sibling.due = 'none';
  if (sibling.phase === 'restarting') sibling.phase = 'down';
  sibling.origin = 'restart';
}

function exhaust(state: State, child: Child, reason: Reason, charged: Charge): void {
  const { onExhausted, budget, cooldown } = state.spec;
  const restarts = charged.stamps.length;
  const exhausted: Exhausted = { type: 'exhausted', id: child.id, restarts, within: budget.within, reason };
  state.out.push(exhausted);
  if (onExhausted === 'escalate') {
    return beginHalt(state, 'failing', givenUp(state, child, restarts, reason), child.id, false);
  }
  if (onExhausted === 'cooldown') {
    child.halfOpen = true;
    return plan(state, child, { delay: cooldown, charged, reason, again: false });
  }
  abandon(state, child, exhausted);
}

/** `fail`: the child stays down, and whom the strategy ties to it goes down with it; the supervisor lives on. */
function abandon(state: State, child: Child, exhausted: Exhausted): void {
  const affected = affectedBy(state.spec.strategy, state.order, child.id);
  for (const id of affected) {
    const sibling = state.children.get(id) as Child;
    if (sibling.phase === 'restarting') sibling.phase = 'down';
    if (isAlive(sibling)) sibling.due = 'stop';
    else if (sibling.due === 'start') giveUpStart(state, sibling, exhausted);
  }
  if (affected.length > 1) openSweep(state, affected, { cause: 'sibling' });
}

/** Its turn to start will not come. Where it was told of a next try, it is told that none comes. */
function giveUpStart(state: State, sibling: Child, exhausted: Exhausted): void {
  sibling.due = 'none';
  answerWaiters(state, sibling, { ok: false, code: 'EXHAUSTED', reason: exhausted.id });
  if (sibling.restart === 'temporary') removeChild(state, sibling);
  else if (sibling.streak > 0) state.out.push({ ...exhausted, id: sibling.id });
}

import { answerWaiters, chargeFor, emitRetry, forgive, givenUp, isAlive, isEnding } from '../book.js';
import type { Effect } from '../fact.js';
import { affectedBy } from '../order.js';
import { describeReason, type Reason } from '../reason.js';
import { backoffDelay, type Charge, charge, nextStreak, shouldRestart } from '../restart.js';
import { deferEnd, dropEnd, isBusy, isOrdered } from './mailbox.js';
import { isParallel, noteTried, waitsForSiblings } from './starts.js';
import { type Child, type Deferred, type Ended, openSweep, removeChild, type State, type Sweep } from './state.js';
import { beginHalt, settleDown } from './sweep.js';

type Exhausted = Extract<Effect, { type: 'exhausted' }>;

/** Handles the end of a living child. */
export function onEnded(state: State, child: Child, fact: Ended): void {
  const was = child.phase;
  const readyFor = child.readyAt === null ? -1 : fact.at - child.readyAt;
  child.phase = 'down';
  child.upSince = null;
  state.pending.add(child.sweep);
  noteTried(state, child);
  if (wasMeant(state, child, was)) return settleDown(state, child);
  if (was === 'stuck' && hasTurn(state, child)) return settleDown(state, child);
  if (child.nextStep !== 'cycle') child.nextStep = 'none';
  if (state.quiesced) onEndBeforeStop(state, child);
  else if (was === 'starting') onStartFailed(state, child, fact);
  else if (isBusy(state) || endsBoot(state, child, fact))
    deferEnd(state, child, { type: 'end', child, fact, readyFor });
  else concludeEnd(state, child, fact, readyFor);
}

/** A supervisor above stops, and the stop of this one follows: nothing is restarted. */
function onEndBeforeStop(state: State, child: Child): void {
  answerWaiters(state, child, { ok: false, code: 'SUPERSEDED', reason: 'the stop of its supervisor' });
  if (child.restart === 'temporary') removeChild(state, child);
}

/** Children that start in parallel are restarted while others still boot; an end that would fail the supervisor waits until it has booted (S7). */
function endsBoot(state: State, child: Child, fact: Ended): boolean {
  if (state.status !== 'booting' || child.readyAt === null) return false;
  const { autoShutdown, onExhausted, budget, otpExact } = state.spec;
  if (!shouldRestart(child.restart, fact.reason)) return child.significant && autoShutdown !== 'never';
  return onExhausted === 'escalate' && charge(state.stamps, state.now, budget, otpExact).exceeded;
}

/** Handles an unexpected end of a child that was up, or the end of a zombie. */
function concludeEnd(state: State, child: Child, fact: Ended, readyFor: number): void {
  if (child.nextStep === 'cycle') startMissed(state, child);
  else if (child.readyAt === null) concludeFailedStart(state, child, fact);
  else if (shouldRestart(child.restart, fact.reason)) restart(state, child, fact, readyFor);
  else onDone(state, child);
}

/** A restart of its siblings went on without the zombie, which is gone now. */
function startMissed(state: State, child: Child): void {
  child.nextStep = 'start';
  openSweep(state, [child.id], { cause: 'sibling', ordered: isOrdered(state) });
}

/** True while the sweep that stops and starts the zombie has not yet gone on without it. */
function hasTurn(state: State, child: Child): boolean {
  const sweep = state.sweeps.get(child.sweep);
  return child.nextStep === 'cycle' && sweep !== undefined && sweep.members.indexOf(child.id) >= sweep.startMark;
}

/** Decides an end or a failed start that was deferred during an ordered operation. */
export function onDeferred(state: State, item: Extract<Deferred, { type: 'end' | 'failure' }>): void {
  if (item.type === 'failure') return onDeferredFailure(state, item);
  item.child.endWaits = false;
  concludeEnd(state, item.child, item.fact, item.readyFor);
}

/** A child that was stopped meanwhile is not retried; children that waited for it start. */
function onDeferredFailure(state: State, item: Extract<Deferred, { type: 'failure' }>): void {
  const { child, fact } = item;
  if (child.sweep === item.sweep && child.phase === 'restarting') {
    child.phase = 'down';
    child.nextStep = 'none';
    restart(state, child, fact, -1);
  }
  const held = state.sweeps.get(item.sweep);
  if (held !== undefined) onDelayOver(state, held);
}

/** True when the end was intended: the child was stopped, or about to be stopped in its turn (P2). */
function wasMeant(state: State, child: Child, was: Child['phase']): boolean {
  if (isEnding(state) || was === 'stopping') return true;
  return (
    child.nextStep === 'stop' ||
    (child.nextStep === 'cycle' && was !== 'stuck') ||
    (was === 'stuck' && child.goal === 'down')
  );
}

function onStartFailed(state: State, child: Child, fact: Ended): void {
  const reason = describeReason(fact.reason);
  answerWaiters(state, child, { ok: false, code: 'START_FAILED', reason });
  if (failsBoot(state, child)) failBoot(state, child, reason);
  else if (isRetried(child) && mustPutOff(state)) putOffRetry(state, child, fact);
  else concludeFailedStart(state, child, fact);
}

/** The consequence of a failed start that does not fail the boot: S5, A9, R8. */
function concludeFailedStart(state: State, child: Child, fact: Ended): void {
  if (child.origin === 'restart_child') return;
  if (isRetried(child)) restart(state, child, fact, -1);
  else removeChild(state, child);
}

function isRetried({ origin, restart }: Child): boolean {
  return origin !== 'add' && origin !== 'restart_child' && restart !== 'temporary';
}

/** True when messages wait that came before the failure. During the boot, its result depends on the starts alone. */
function mustPutOff(state: State): boolean {
  return isOrdered(state) && state.status !== 'booting' && state.mailbox.length > 0;
}

/** S2: true when the failure of this child's start fails the boot. */
export function failsBoot(state: State, { origin }: Child): boolean {
  return origin === 'boot' && state.status === 'booting' && state.spec.boot === 'strict';
}

/** OTP sends itself a message for the next attempt, which it reads after earlier messages. The present operation ends here. */
function putOffRetry(state: State, child: Child, fact: Ended): void {
  const sweep = holdRestart(state, child, true);
  state.mailbox.push({ type: 'failure', child, fact, sweep: sweep.id });
}

/** S2: no retry, no charge to the budget; started children are stopped in reverse. */
export function failBoot(state: State, child: Child, detail: string): void {
  beginHalt(state, 'failing', { kind: 'start-failed', detail }, child.id, false);
}

/** Handles an end without a restart: it may complete an automatic shutdown (U1, U2). */
function onDone(state: State, child: Child): void {
  const shutdown = child.significant && endsTheTree(state, child);
  if (child.restart === 'temporary') removeChild(state, child);
  if (shutdown) beginHalt(state, 'stopping', { kind: 'shutdown' }, child.id, false);
}

function endsTheTree(state: State, child: Child): boolean {
  if (state.spec.autoShutdown === 'never') return false;
  if (state.spec.autoShutdown === 'any_significant') return true;
  const others = [...state.children.values()].filter((other) => other !== child && other.significant);
  return others.every((other) => other.phase === 'down' && !other.endWaits && !waitsForSiblings(state, other));
}

/** Charges the restart and, if the budget allows, plans it for all children that the strategy restarts (R5 to R8, T1 to T3). */
function restart(state: State, child: Child, fact: Ended, readyFor: number): void {
  const { spec } = state;
  child.streak = nextStreak(child.streak, readyFor, spec.backoff);
  if (child.halfOpen && child.streak === 1 && readyFor >= 0) forgive(child);
  const charged = chargeFor(state, child, state.now);
  if (charged.exceeded || child.halfOpen) return exhaust(state, child, fact.reason, charged);
  const delay = backoffDelay(spec.backoff, child.streak, fact.random);
  plan(state, child, { delay, reason: fact.reason, again: readyFor < 0 });
}

interface Plan {
  readonly delay: number;
  readonly reason: Reason;
  /** The start itself failed: OTP answers calls before its next attempt (R8). */
  readonly again: boolean;
}

function plan(state: State, child: Child, { delay, reason, again }: Plan): void {
  const sweep = holdRestart(state, child, again || delay > 0);
  child.planned = { at: state.now + delay, delay, reason };
  emitRetry(state, child, sweep.id, delay, reason);
}

/**
 * Opens a sweep over the child and the siblings that the strategy restarts with it, held until the delay is over. `atRest`: the mailbox is read in the
 * meantime; otherwise the restart counts as begun.
 */
function holdRestart(state: State, child: Child, atRest: boolean): Sweep {
  const affected = affectedBy(state.spec.strategy, state.order, child.id);
  for (const id of affected) planSibling(state, state.children.get(id) as Child);
  child.phase = 'restarting';
  child.planned = null;
  child.nextStep = 'start';
  const members = affected.filter((id) => state.children.has(id));
  const ordered = !atRest && !isParallel(state);
  return openSweep(state, members, { cause: 'sibling', culprit: child.id, hold: true, ordered });
}

/** Begins a restart, even if its delay is not over. */
export function beginRestart(state: State, sweep: Sweep | undefined): void {
  if (sweep === undefined) return;
  sweep.hold = false;
  state.pending.add(sweep.id);
  state.busy.delete(sweep.id);
}

/** The delay of a restart is over. Under the strategies that restart siblings together, children that were added during the delay are restarted with the others. */
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
 * A sibling is stopped and started again, unless it is temporary (T6) or was stopped by command. A temporary one before its first start keeps its
 * place.
 */
function planSibling(state: State, sibling: Child): void {
  const stays = sibling.restart === 'temporary' || sibling.goal === 'down';
  if (sibling.endWaits && sibling.restart === 'temporary') {
    dropEnd(state, sibling);
    return removeChild(state, sibling);
  }
  dropEnd(state, sibling);
  if (isAlive(sibling)) sibling.nextStep = stays ? 'stop' : 'cycle';
  else if (!stays) sibling.nextStep = 'start';
  else if (sibling.goal === 'down') sibling.nextStep = 'none';
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
    return plan(state, child, { delay: cooldown, reason, again: false });
  }
  abandon(state, child, exhausted);
}

/** `fail`: the child stays down, together with the siblings that the strategy restarts with it; the supervisor stays up. */
function abandon(state: State, child: Child, exhausted: Exhausted): void {
  const affected = affectedBy(state.spec.strategy, state.order, child.id);
  for (const id of affected) {
    const sibling = state.children.get(id) as Child;
    if (sibling.phase === 'restarting') sibling.phase = 'down';
    if (isAlive(sibling)) sibling.nextStep = 'stop';
    else if (sibling.nextStep === 'start') giveUpStart(state, sibling, exhausted);
  }
  if (affected.length > 1) openSweep(state, affected, { cause: 'sibling' });
}

/** Cancels the start of a sibling. If a retry of it was reported, its exhaustion is reported. */
function giveUpStart(state: State, sibling: Child, exhausted: Exhausted): void {
  sibling.nextStep = 'none';
  answerWaiters(state, sibling, { ok: false, code: 'EXHAUSTED', reason: exhausted.id });
  if (sibling.restart === 'temporary') removeChild(state, sibling);
  else if (sibling.streak > 0) state.out.push({ ...exhausted, id: sibling.id });
}

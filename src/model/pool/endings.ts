import { answerWaiters, chargeFor, forgive, givenUp, isEnding } from '../book.js';
import { describeReason, type Reason } from '../reason.js';
import { backoffDelay, type Charge, charge, nextStreak, shouldRestart } from '../restart.js';
import {
  beginHalt,
  type DeferredEnd,
  type Ended,
  holdInstance,
  type Instance,
  removeInstance,
  type State,
} from './state.js';

/** Handles the end of a living instance. */
export function onEnded(state: State, instance: Instance, fact: Ended): void {
  const was = instance.phase;
  const readyFor = instance.readyAt === null ? -1 : fact.at - instance.readyAt;
  if (was === 'starting') state.starting--;
  instance.phase = 'down';
  instance.upSince = null;
  state.halting.delete(instance);
  if (isEnding(state) || instance.asked) return settleDown(state, instance);
  if (state.quiesced) return superseded(state, instance, 'the stop of its supervisor');
  if (was === 'starting' || instance.readyAt === null) return onStartFailed(state, instance, fact);
  if (!shouldRestart(state.spec.template.restart, fact.reason)) removeInstance(state, instance);
  else if (endsBoot(state)) state.ends.push({ instance, fact, readyFor });
  else restart(state, instance, fact, readyFor);
}

/** True when one more restart would make the booting pool fail: the boot itself depends only on its starts (S7). */
function endsBoot(state: State): boolean {
  const { onExhausted, budget, otpExact } = state.spec;
  if (state.status !== 'booting' || onExhausted !== 'escalate') return false;
  return charge(state.stamps, state.now, budget, otpExact).exceeded;
}

/** Decides an end that was deferred until the pool had booted, unless the instance was stopped or started by command meanwhile. */
export function onDeferred(state: State, { instance, fact, readyFor }: DeferredEnd): void {
  const same = state.instances.get(instance.id) === instance && instance.generation === fact.generation;
  if (same && instance.phase === 'down' && !state.queue.has(instance)) restart(state, instance, fact, readyFor);
}

/**
 * The instance was to end. Once its pool, or a supervisor above, has begun to stop, its record is kept, so that its last state can still be read; otherwise
 * a stopped instance is removed (T4).
 */
function settleDown(state: State, instance: Instance): void {
  answerWaiters(state, instance, { ok: true, id: instance.id }, 'down');
  if (isEnding(state)) return superseded(state, instance, 'the stop of its pool');
  if (state.quiesced) return superseded(state, instance, 'the stop of its supervisor');
  if (instance.next === 'start') {
    state.queue.add(instance);
    return;
  }
  superseded(state, instance, 'a stop');
  removeInstance(state, instance);
}

function superseded(state: State, instance: Instance, reason: string): void {
  answerWaiters(state, instance, { ok: false, code: 'SUPERSEDED', reason });
}

function onStartFailed(state: State, instance: Instance, fact: Ended): void {
  const reason = describeReason(fact.reason);
  answerWaiters(state, instance, { ok: false, code: 'START_FAILED', reason });
  const forgotten = instance.origin === 'added' || state.spec.template.restart === 'temporary';
  if (forgotten) removeInstance(state, instance);
  else restart(state, instance, fact, -1);
}

/** Charges the restart and plans it if the budget allows. */
function restart(state: State, instance: Instance, fact: Ended, readyFor: number): void {
  const { backoff } = state.spec;
  instance.streak = nextStreak(instance.streak, readyFor, backoff);
  instance.origin = 'kept';
  if (instance.halfOpen && instance.streak === 1 && readyFor >= 0) forgive(instance);
  const charged = chargeFor(state, instance, state.now);
  if (charged.exceeded || instance.halfOpen) return exhaust(state, instance, fact.reason, charged);
  plan(state, instance, backoffDelay(backoff, instance.streak, fact.random), fact.reason);
}

function plan(state: State, instance: Instance, delay: number, reason: Reason): void {
  holdInstance(state, instance, { at: state.now + delay, delay, reason }, delay);
}

function exhaust(state: State, instance: Instance, reason: Reason, charged: Charge): void {
  const { onExhausted, budget, cooldown } = state.spec;
  const restarts = charged.stamps.length;
  state.out.push({ type: 'exhausted', id: instance.id, restarts, within: budget.within, reason });
  state.booting.delete(instance);
  if (onExhausted === 'cooldown') {
    instance.halfOpen = true;
    plan(state, instance, cooldown, reason);
  } else if (onExhausted === 'escalate') {
    beginHalt(state, 'failing', givenUp(state, instance, restarts, reason), instance.id, false);
  }
}

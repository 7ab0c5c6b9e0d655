import {
  answer,
  answerWaiters,
  isAlive,
  isEnding,
  noteReady,
  pardon,
  pastOfMember,
  refuse,
  restoreMember,
  setStatus,
  takesCommands,
  tellGone,
} from './book.js';
import { type ChildPast, delayLeft, type Earlier, NOTHING_EARLIER } from './earlier.js';
import type { ChildCount, ChildRow, Effect, End, Engine, Fact, Status } from './fact.js';
import { onDeferred, onEnded } from './pool/endings.js';
import {
  addInstance,
  askToStop,
  beginHalt,
  type DeferredEnd,
  holdInstance,
  type Instance,
  newState,
  removeInstance,
  type State,
  settle,
} from './pool/state.js';
import type { PoolSpec } from './spec.js';

/**
 * The engine of a pool (OTP's simple_one_for_one, Elixir's DynamicSupervisor): instances of one template, without order, each restarted by itself, all
 * stopped at once. It has the interface of the static engine; the cost of a fact does not depend on the number of instances.
 *
 * `generations`, `earlier`: as in `createSupervision`. `lastId`: the highest id that the pool has given before; if not given, 0.
 */
export function createPool(
  spec: PoolSpec,
  generations?: (id: string) => number,
  lastId = 0,
  earlier: Earlier = NOTHING_EARLIER,
): Engine {
  const state = newState(spec, lastId, earlier);
  const known = generations ?? (() => 0);
  return {
    get status(): Status {
      return state.status;
    },
    decide(fact: Fact): Effect[] {
      state.out = [];
      if ('at' in fact) state.now = fact.at;
      take(state, fact, known);
      settle(state);
      while (state.status === 'running' && state.ends.length > 0) {
        onDeferred(state, state.ends.shift() as DeferredEnd);
        settle(state);
      }
      return state.out;
    },
    which: () => [...state.instances.values()].map(rowOf).reverse(),
    row: (id) => {
      const instance = state.instances.get(id);
      return instance && rowOf(instance);
    },
    count: () => countOf(state),
    awaitedBy: () => [],
    get stamps(): readonly number[] {
      return state.stamps;
    },
    past: (id) => {
      const instance = state.instances.get(id);
      return instance && pastOf(state, instance);
    },
  };
}

function take(state: State, fact: Fact, known: (id: string) => number): void {
  switch (fact.type) {
    case 'boot':
      return onBoot(state, known);
    case 'rest':
      return onRest(state, known, fact.end);
    case 'halt':
      return onHalt(state, fact.brutal);
    case 'quiesce':
      return onQuiesce(state);
    case 'delay-over':
      return onDelayEnd(state, fact.sweep);
    case 'add':
      return onAdd(state, fact.token, known);
    case 'command':
      return onCommand(state, fact);
    default:
      return onInstanceFact(state, fact);
  }
}

function onBoot(state: State, known: (id: string) => number): void {
  if (state.status !== 'idle') return;
  setStatus(state, 'booting');
  const { instances } = state.earlier;
  for (const id of instances) restoreInstance(state, addInstance(state, 'kept', known, id));
  for (let n = instances.length; n < state.spec.size; n++) state.booting.add(addInstance(state, 'kept', known));
  state.earlier = NOTHING_EARLIER;
}

/** The instance is as it was before the program was started again: one whose budget is used up stays down, one that waits for its restart waits on. */
function restoreInstance(state: State, instance: Instance): void {
  const past = state.earlier.child(instance.id);
  restoreMember(instance, past);
  if (past?.isResting) return void state.queue.delete(instance);
  const left = past?.planned == null || state.earlier.isKept(instance.id) ? 0 : delayLeft(past.planned, state.now);
  if (left > 0) holdInstance(state, instance, past!.planned!, left);
  else state.booting.add(instance);
}

/** It had ended before the program was started again, and stays as it was until it is started. */
function onRest(state: State, known: (id: string) => number, end: End): void {
  if (state.status !== 'idle') return;
  for (const id of state.earlier.instances)
    restoreMember(addInstance(state, 'kept', known, id), state.earlier.child(id));
  state.queue.clear();
  state.earlier = NOTHING_EARLIER;
  state.finish = end;
  state.status = 'ended';
}

function onHalt(state: State, brutal: boolean): void {
  if (state.status === 'idle' || state.status === 'ended') return;
  if (!isEnding(state)) return beginHalt(state, 'stopping', { kind: 'shutdown' }, null, brutal);
  if (!brutal) return;
  for (const instance of state.instances.values()) {
    if (instance.phase === 'stopping') state.out.push({ type: 'stop', id: instance.id, brutal, cause: 'shutdown' });
  }
}

/** A supervisor above has begun to stop: starts and restarts are cancelled; running instances stay up until the stop. */
function onQuiesce(state: State): void {
  if (state.status === 'idle') return;
  state.quiesced = true;
  state.queue.clear();
  state.ends.length = 0;
  for (const instance of state.instances.values()) {
    if (instance.phase === 'starting') askToStop(state, instance, false, 'shutdown');
    else if (instance.phase === 'restarting') instance.phase = 'down';
    if (instance.phase !== 'down') continue;
    answerWaiters(state, instance, { ok: false, code: 'SUPERSEDED', reason: 'the stop of its supervisor' });
  }
}

function onDelayEnd(state: State, delay: number): void {
  const instance = state.delays.get(delay);
  state.delays.delete(delay);
  if (instance?.phase !== 'restarting' || isEnding(state)) return; // removed or started meanwhile
  instance.phase = 'down';
  state.queue.add(instance);
}

function onAdd(state: State, token: number, known: (id: string) => number): void {
  if (!takesCommands(state)) return refuse(state, token, 'SUPERVISOR_ENDED', state.status);
  if (state.instances.size >= state.spec.max) return refuse(state, token, 'POOL_FULL', String(state.spec.max));
  addInstance(state, 'added', known).waiters.push({ token, until: 'up' });
}

type Command = Extract<Fact, { type: 'command' }>;

function onCommand(state: State, { token, verb, id }: Command): void {
  if (!takesCommands(state)) return refuse(state, token, 'SUPERVISOR_ENDED', state.status);
  if (verb === 'restart_child' || verb === 'delete') return refuse(state, token, 'SIMPLE_ONE_FOR_ONE', verb);
  const instance = state.instances.get(id);
  if (instance === undefined) return refuse(state, token, 'NOT_FOUND', id);
  if (verb === 'stop' || verb === 'kill') stop(state, instance, token, verb === 'kill');
  else if (verb === 'restart' && instance.phase === 'up') cycle(state, instance, token);
  else start(state, instance, token);
}

function stop(state: State, instance: Instance, token: number, brutal: boolean): void {
  answerWaiters(state, instance, { ok: false, code: 'SUPERSEDED', reason: brutal ? 'a kill' : 'a stop' }, 'up');
  instance.next = 'remove';
  state.booting.delete(instance);
  if (!isAlive(instance)) {
    removeInstance(state, instance);
    return answer(state, token, { ok: true, id: instance.id });
  }
  if (instance.phase === 'stuck') {
    // It was stopped by command, so it is not restarted when its last process ends.
    instance.asked = true;
    if (brutal) state.out.push({ type: 'stop', id: instance.id, brutal, cause: 'command' });
    return refuse(state, token, 'ZOMBIE', instance.id);
  }
  instance.waiters.push({ token, until: 'down' });
  if (instance.phase !== 'stopping') askToStop(state, instance, brutal, 'command');
  else if (brutal) state.out.push({ type: 'stop', id: instance.id, brutal, cause: 'command' });
}

function cycle(state: State, instance: Instance, token: number): void {
  pardon(state, instance);
  instance.next = 'start';
  instance.origin = 'kept';
  instance.waiters.push({ token, until: 'up' });
  askToStop(state, instance, false, 'command');
}

function start(state: State, instance: Instance, token: number): void {
  if (instance.phase === 'stuck') return refuse(state, token, 'ZOMBIE', instance.id);
  if (instance.phase === 'up') return answer(state, token, { ok: true, id: instance.id });
  instance.next = 'start';
  instance.waiters.push({ token, until: 'up' });
  if (instance.phase !== 'restarting' && instance.phase !== 'down') return;
  pardon(state, instance);
  instance.phase = 'down';
  state.queue.add(instance);
}

type InstanceFact = Extract<Fact, { generation: number }>;

function onInstanceFact(state: State, fact: InstanceFact): void {
  const instance = state.instances.get(fact.id);
  if (instance === undefined || instance.generation !== fact.generation || !isAlive(instance)) {
    state.out.push({ type: 'stale', id: fact.id, generation: fact.generation, fact: fact.type });
    return;
  }
  if (fact.type === 'ended') {
    onEnded(state, instance, fact);
    tellGone(state, state.instances.values());
  } else if (fact.type === 'ready') onReady(state, instance, fact.at);
  else onStuck(state, instance, fact.blockers);
}

function onReady(state: State, instance: Instance, at: number): void {
  if (instance.phase !== 'starting') return;
  state.starting--;
  state.booting.delete(instance);
  noteReady(instance, at);
  answerWaiters(state, instance, { ok: true, id: instance.id }, 'up');
}

function onStuck(state: State, instance: Instance, blockers: string): void {
  if (instance.phase === 'starting') state.starting--;
  instance.phase = 'stuck';
  state.booting.delete(instance);
  state.halting.delete(instance);
  answerWaiters(state, instance, { ok: false, code: 'ZOMBIE', reason: blockers });
}

function pastOf({ queue }: State, instance: Instance): ChildPast {
  const { next, phase } = instance;
  const isResting = phase === 'down' && !queue.has(instance);
  return { isWanted: next !== 'remove', isResting, ...pastOfMember(instance) };
}

function rowOf(instance: Instance): ChildRow {
  return { id: instance.id, phase: instance.phase, generation: instance.generation };
}

/** A8 for simple_one_for_one: one spec; instances that wait for a restart are not active. */
function countOf(state: State): ChildCount {
  let active = 0;
  for (const instance of state.instances.values()) if (isAlive(instance)) active++;
  return { specs: 1, active, supervisors: 0, workers: state.instances.size };
}

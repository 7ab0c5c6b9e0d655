import type { Answer, Effect, Phase, Status, Token } from '../fact.js';
import type { Reason } from '../reason.js';
import type { NodeSpec, PoolSpec } from '../spec.js';

/** One instance of a pool. Its id is the decimal number of its creation, never used twice. */
export interface Instance {
  readonly id: string;
  phase: Phase;
  generation: number;
  /** It was asked to stop in this generation. */
  asked: boolean;
  /** What follows when it is down: forgotten, or started again. */
  next: 'remove' | 'start';
  /** Who started it: a failed start of an added one is its caller's (S5), any other is charged (R8). */
  origin: 'added' | 'kept';
  readyAt: number;
  streak: number;
  stamps: readonly number[];
  halfOpen: boolean;
  waiters: { readonly token: Token; readonly until: 'up' | 'down' }[];
}

export interface State {
  readonly spec: PoolSpec;
  readonly instances: Map<string, Instance>;
  /** Those that may start as soon as fewer than `concurrency` are starting, first come first served. */
  readonly queue: Set<Instance>;
  /** Delays under way: number of the delay to instance. */
  readonly delays: Map<number, Instance>;
  starting: number;
  /** Nothing starts any more, though its own stop has not come yet. */
  hushed: boolean;
  lastId: number;
  lastDelay: number;
  status: Status;
  /** Instances that must be ready (or gone) before the pool has booted. */
  booting: Set<Instance>;
  /** While it halts: those that are not down yet. */
  readonly halting: Set<Instance>;
  finish: { reason: Reason; child: string | null } | null;
  stamps: readonly number[];
  out: Effect[];
}

export function newState(spec: PoolSpec): State {
  return {
    spec,
    instances: new Map(),
    queue: new Set(),
    delays: new Map(),
    starting: 0,
    hushed: false,
    lastId: 0,
    lastDelay: 0,
    status: 'idle',
    booting: new Set(),
    halting: new Set(),
    finish: null,
    stamps: [],
    out: [],
  };
}

export function addInstance(state: State, origin: Instance['origin'], generation: (id: string) => number): Instance {
  const id = String(++state.lastId);
  const instance: Instance = {
    id,
    phase: 'down',
    generation: generation(id),
    asked: false,
    next: 'start',
    origin,
    readyAt: -1,
    streak: 0,
    stamps: [],
    halfOpen: false,
    waiters: [],
  };
  state.instances.set(id, instance);
  const spec: NodeSpec = { ...state.spec.template, id };
  state.out.push({ type: 'create', id, spec });
  state.queue.add(instance);
  return instance;
}

export function removeInstance(state: State, instance: Instance): void {
  instance.phase = 'down';
  state.instances.delete(instance.id);
  state.queue.delete(instance);
  state.booting.delete(instance);
  state.out.push({ type: 'remove', id: instance.id });
}

export function isAlive(instance: Instance): boolean {
  return instance.phase !== 'down' && instance.phase !== 'restarting';
}

export function isEnding(state: State): boolean {
  return state.status === 'stopping' || state.status === 'failing' || state.status === 'ended';
}

export function answer(state: State, token: Token, reply: Answer): void {
  state.out.push({ type: 'answer', token, answer: reply });
}

/** Answers those who wait for `until`; all of them when it is not given. */
export function answerWaiters(state: State, instance: Instance, reply: Answer, until?: 'up' | 'down'): void {
  if (instance.waiters.length === 0) return;
  const waiting = instance.waiters;
  instance.waiters = until === undefined ? [] : waiting.filter((waiter) => waiter.until !== until);
  for (const waiter of waiting) {
    if (until === undefined || waiter.until === until) answer(state, waiter.token, reply);
  }
}

export function setStatus(state: State, status: Status): void {
  state.status = status;
  state.out.push({ type: 'status', status });
}

/** Starts what waits, up to `concurrency` at once; tells when the pool has booted, and when a halting one is finished. */
export function settle(state: State): void {
  if (!isEnding(state) && !state.hushed) startQueued(state);
  if (state.status === 'booting' && state.booting.size === 0) setStatus(state, 'running');
  if (state.status === 'stopping' || state.status === 'failing') finishWhenDown(state);
}

function startQueued(state: State): void {
  for (const instance of state.queue) {
    if (state.starting >= state.spec.concurrency) return;
    state.queue.delete(instance);
    state.starting++;
    instance.generation++;
    instance.asked = false;
    instance.phase = 'starting';
    instance.readyAt = -1;
    state.out.push({ type: 'start', id: instance.id, generation: instance.generation });
  }
}

function finishWhenDown(state: State): void {
  if (state.halting.size > 0) return;
  const left = [...state.instances.values()].filter((instance) => instance.phase === 'stuck').map(({ id }) => id);
  setStatus(state, 'ended');
  const { reason, child } = state.finish ?? { reason: { kind: 'shutdown' }, child: null };
  state.out.push({ type: 'finished', reason, child, left });
}

/** Asks all at once (P5); each has the same stages, so the slowest decides. */
export function beginHalt(
  state: State,
  status: 'stopping' | 'failing',
  reason: Reason,
  child: string | null,
  brutal: boolean,
): void {
  state.finish = { reason, child };
  setStatus(state, status);
  state.queue.clear();
  for (const instance of state.instances.values()) haltOne(state, instance, brutal);
}

function haltOne(state: State, instance: Instance, brutal: boolean): void {
  instance.next = 'remove';
  if (isAlive(instance) && instance.phase !== 'stuck') state.halting.add(instance);
  if (instance.phase === 'up' || instance.phase === 'starting') askToStop(state, instance, brutal, 'shutdown');
  else if (instance.phase === 'stopping' && brutal) {
    state.out.push({ type: 'stop', id: instance.id, brutal, cause: 'shutdown' });
  } else if (!isAlive(instance)) {
    instance.phase = 'down';
    answerWaiters(state, instance, { ok: true, id: instance.id }, 'down');
    answerWaiters(state, instance, { ok: false, code: 'SUPERSEDED', reason: 'the stop of its pool' });
  }
}

export function askToStop(state: State, instance: Instance, brutal: boolean, cause: 'command' | 'shutdown'): void {
  if (instance.phase === 'starting') state.starting--;
  instance.phase = 'stopping';
  instance.asked = true;
  state.out.push({ type: 'stop', id: instance.id, brutal, cause });
}

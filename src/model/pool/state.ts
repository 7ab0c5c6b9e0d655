import {
  answerWaiters,
  type Book,
  emitFinished,
  emitRetry,
  emptyBook,
  freshMember,
  isAlive,
  isEnding,
  type Member,
  setStatus,
} from '../book.js';
import type { Earlier, PlannedRestart } from '../earlier.js';
import type { Fact } from '../fact.js';
import type { Reason } from '../reason.js';
import type { NodeSpec, PoolSpec } from '../spec.js';

/** One instance of a pool. Its id is the decimal number of its creation, never used twice. */
export interface Instance extends Member {
  /** A stop was requested in this generation. */
  asked: boolean;
  /** The step after it is down: it is removed, or started again. */
  next: 'remove' | 'start';
  /** Its origin: a failed start of an added instance is returned to the caller (S5), any other is charged (R8). */
  origin: 'added' | 'kept';
}

export type Ended = Extract<Fact, { type: 'ended' }>;

/** The end of an instance that was up, to be decided when the pool has booted. `readyFor`: how long it was up, in ms. */
export interface DeferredEnd {
  readonly instance: Instance;
  readonly fact: Ended;
  readonly readyFor: number;
}

/** The state of a pool's engine. */
export interface State extends Book {
  readonly spec: PoolSpec;
  /** For the boot. */
  earlier: Earlier;
  readonly instances: Map<string, Instance>;
  /** Instances that start as soon as fewer than `concurrency` are starting, first in, first out. */
  readonly queue: Set<Instance>;
  /** Running delays: the instance of each, by the number of the delay. */
  readonly delays: Map<number, Instance>;
  starting: number;
  lastId: number;
  lastDelay: number;
  /** Instances that must be ready (or gone) before the pool counts as booted. */
  booting: Set<Instance>;
  /** Ends that would make the booting pool fail, oldest first. */
  readonly ends: DeferredEnd[];
  /** The time of the present fact. */
  now: number;
  /** During a halt: the instances that are not down yet. */
  readonly halting: Set<Instance>;
}

export function newState(spec: PoolSpec, lastId: number, earlier: Earlier): State {
  return {
    spec,
    ...emptyBook(),
    earlier,
    stamps: earlier.stamps,
    instances: new Map(),
    queue: new Set(),
    delays: new Map(),
    starting: 0,
    lastId,
    lastDelay: 0,
    booting: new Set(),
    ends: [],
    now: 0,
    halting: new Set(),
  };
}

/** `id`: that of an instance from before the program was started again. If not given, the next one. */
export function addInstance(
  state: State,
  origin: Instance['origin'],
  generation: (id: string) => number,
  id = String(state.lastId + 1),
): Instance {
  state.lastId = Math.max(state.lastId, Number(id));
  const instance: Instance = {
    ...freshMember(id, generation(id)),
    asked: false,
    next: 'start',
    origin,
  };
  state.instances.set(id, instance);
  const spec: NodeSpec = { ...state.spec.template, id };
  state.out.push({ type: 'create', id, spec });
  state.queue.add(instance);
  return instance;
}

/** Keeps the instance down for `delay` ms, until its planned restart. */
export function holdInstance(state: State, instance: Instance, planned: PlannedRestart, delay: number): void {
  instance.phase = 'restarting';
  instance.planned = planned;
  state.queue.delete(instance);
  state.delays.set(++state.lastDelay, instance);
  emitRetry(state, instance, state.lastDelay, delay, planned.reason);
}

export function removeInstance(state: State, instance: Instance): void {
  instance.phase = 'down';
  state.instances.delete(instance.id);
  state.queue.delete(instance);
  state.booting.delete(instance);
  state.out.push({ type: 'remove', id: instance.id });
}

/** Starts queued instances, up to `concurrency` at once; emits the status when the pool has booted, and the end when a halt is complete. */
export function settle(state: State): void {
  if (!isEnding(state) && !state.quiesced) startQueued(state);
  if (state.status === 'booting' && state.booting.size === 0) setStatus(state, 'running');
  const halts = state.status === 'stopping' || state.status === 'failing';
  if (halts && state.halting.size === 0) emitFinished(state, state.instances.values());
}

function startQueued(state: State): void {
  for (const instance of state.queue) {
    if (state.starting >= state.spec.concurrency) return;
    state.queue.delete(instance);
    state.starting++;
    instance.generation++;
    instance.asked = false;
    instance.phase = 'starting';
    instance.readyAt = null;
    state.out.push({ type: 'start', id: instance.id, generation: instance.generation });
  }
}

/** Stops all at once (P5); each has the same stages, so the slowest decides. */
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

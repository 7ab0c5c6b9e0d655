import type { Answer, Effect, Phase, Status, StopCause, Token } from '../fact.js';
import type { Reason } from '../reason.js';
import type { NodeSpec, RestartType, SupervisorSpec } from '../spec.js';

/*
 * What a static supervisor remembers. One record per child, in a Map and in start order; and sweeps. The state is changed in place by
 * its one owner, the engine: a copy per fact would make the start of N children quadratic.
 */

/** What a sweep still has to do with a child: bring it down for good, bring it up, or both. */
export type Due = 'none' | 'stop' | 'start' | 'cycle';

/** On whose behalf a child is started: it decides what a failed start means (S2, S5, A9, R8). */
export type Origin = 'boot' | 'add' | 'restart_child' | 'person' | 'restart';

export interface Waiter {
  readonly token: Token;
  readonly until: 'up' | 'down';
}

export interface Child {
  readonly id: string;
  readonly spec: NodeSpec;
  readonly restart: RestartType;
  readonly significant: boolean;
  phase: Phase;
  /** Counts the starts; every fact carries it. */
  generation: number;
  /** What a person wants. `down` survives the restarts of its siblings. */
  goal: 'up' | 'down';
  due: Due;
  origin: Origin;
  /** The sweep that it belongs to; a child belongs to the newest one that took it. */
  sweep: number;
  readyAt: number;
  /** Unplanned ends in a row, for the backoff. */
  streak: number;
  /** Its own budget, where one child's ends must not condemn another. */
  stamps: readonly number[];
  /** Its budget was exceeded and it is on the one try of a cooldown. */
  halfOpen: boolean;
  waiters: Waiter[];
}

/**
 * One ordered walk over some children: first those that must go down, last one first, each gone before the next is asked (P1); then,
 * when the delay is over, those that must come up, first one first, each ready before the next (S1). The marks only move forward.
 */
export interface Sweep {
  readonly id: number;
  readonly members: string[];
  readonly cause: StopCause;
  brutal: boolean;
  /** True while the delay of a restart runs. */
  hold: boolean;
  stopMark: number;
  startMark: number;
}

/** What is told when the last child of a halting supervisor is down. */
export interface Finish {
  readonly reason: Reason;
  readonly child: string | null;
}

export interface State {
  readonly spec: SupervisorSpec;
  readonly children: Map<string, Child>;
  readonly sweeps: Map<number, Sweep>;
  /** Sweeps that may be able to go on. */
  readonly pending: Set<number>;
  readonly order: string[];
  status: Status;
  lastSweep: number;
  boot: number;
  halt: number;
  /** Nothing starts any more, though its own stop has not come yet. */
  hushed: boolean;
  finish: Finish | null;
  stamps: readonly number[];
  out: Effect[];
}

export function newState(spec: SupervisorSpec): State {
  return {
    spec,
    children: new Map(),
    sweeps: new Map(),
    pending: new Set(),
    order: [],
    status: 'idle',
    lastSweep: 0,
    boot: 0,
    halt: 0,
    hushed: false,
    finish: null,
    stamps: [],
    out: [],
  };
}

export function addChild(state: State, spec: NodeSpec, generation: number, origin: Origin): Child {
  const child: Child = {
    id: spec.id,
    spec,
    restart: spec.restart,
    significant: spec.significant,
    phase: 'down',
    generation,
    goal: 'up',
    due: 'start',
    origin,
    sweep: 0,
    readyAt: -1,
    streak: 0,
    stamps: [],
    halfOpen: false,
    waiters: [],
  };
  state.children.set(child.id, child);
  state.order.push(child.id);
  state.out.push({ type: 'create', id: child.id, spec });
  return child;
}

export function removeChild(state: State, child: Child): void {
  state.children.delete(child.id);
  state.order.splice(state.order.lastIndexOf(child.id), 1);
  state.out.push({ type: 'remove', id: child.id });
}

/** True while a process (or what is left of it) may exist. */
export function isAlive(child: Child): boolean {
  return child.phase !== 'down' && child.phase !== 'restarting';
}

export function isEnding(state: State): boolean {
  return state.status === 'stopping' || state.status === 'failing' || state.status === 'ended';
}

/** Begins a sweep over `members`; it takes them from the sweeps that had them, which then go on without them. */
export function openSweep(
  state: State,
  members: readonly string[],
  cause: StopCause,
  hold = false,
  brutal = false,
): Sweep {
  const id = ++state.lastSweep;
  const sweep = { id, members: [...members], cause, brutal, hold, stopMark: members.length - 1, startMark: 0 };
  state.sweeps.set(id, sweep);
  for (const member of members) {
    const child = state.children.get(member);
    if (child === undefined) continue;
    if (child.sweep !== 0) state.pending.add(child.sweep);
    child.sweep = id;
  }
  state.pending.add(id);
  return sweep;
}

export function answer(state: State, token: Token, reply: Answer): void {
  state.out.push({ type: 'answer', token, answer: reply });
}

/** Answers those who wait for `until`; all of them when it is not given. */
export function answerWaiters(state: State, child: Child, reply: Answer, until?: 'up' | 'down'): void {
  if (child.waiters.length === 0) return;
  const waiting = child.waiters;
  child.waiters = until === undefined ? [] : waiting.filter((waiter) => waiter.until !== until);
  for (const waiter of waiting) {
    if (until === undefined || waiter.until === until) answer(state, waiter.token, reply);
  }
}

export function setStatus(state: State, status: Status): void {
  state.status = status;
  state.out.push({ type: 'status', status });
}

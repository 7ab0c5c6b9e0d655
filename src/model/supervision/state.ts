import { type Book, emptyBook, freshMember, type Member } from '../book.js';
import type { StopCause } from '../fact.js';
import type { NodeSpec, RestartType, SupervisorSpec } from '../spec.js';

/* What a static supervisor remembers: a record per child, in a Map and in start order; and sweeps. */

/** What a sweep still has to do with a child: bring it down for good, bring it up, or both. */
export type Due = 'none' | 'stop' | 'start' | 'cycle';

/** On whose behalf a child is started: it decides what a failed start means (S2, S5, A9, R8). */
export type Origin = 'boot' | 'add' | 'restart_child' | 'person' | 'restart';

/** One child. */
export interface Child extends Member {
  readonly spec: NodeSpec;
  readonly restart: RestartType;
  readonly significant: boolean;
  /** What a person wants. `down` survives the restarts of its siblings. */
  goal: 'up' | 'down';
  due: Due;
  origin: Origin;
  /** The sweep that it belongs to; a child belongs to the newest one that took it. */
  sweep: number;
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

/** All of it. */
export interface State extends Book {
  readonly spec: SupervisorSpec;
  readonly children: Map<string, Child>;
  readonly sweeps: Map<number, Sweep>;
  /** Sweeps that may be able to go on. */
  readonly pending: Set<number>;
  readonly order: string[];
  lastSweep: number;
  boot: number;
  halt: number;
}

export function newState(spec: SupervisorSpec): State {
  return {
    spec,
    ...emptyBook(),
    children: new Map(),
    sweeps: new Map(),
    pending: new Set(),
    order: [],
    lastSweep: 0,
    boot: 0,
    halt: 0,
  };
}

export function addChild(state: State, spec: NodeSpec, generation: number, origin: Origin): Child {
  const child: Child = {
    ...freshMember(spec.id, generation),
    spec,
    restart: spec.restart,
    significant: spec.significant,
    goal: 'up',
    due: 'start',
    origin,
    sweep: 0,
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

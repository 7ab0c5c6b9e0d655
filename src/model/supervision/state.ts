import { type Book, emptyBook, freshMember, type Member, restoreMember } from '../book.js';
import type { ChildPast, Earlier } from '../earlier.js';
import type { Fact, StopCause } from '../fact.js';
import type { NodeSpec, RestartType, SupervisorSpec } from '../spec.js';
import { noStarts, type Starts } from './starting.js';

/* The state of a static supervisor's engine: a record for each child, in a Map and in start order; and sweeps. */

/** The steps that a sweep has yet to take with a child: stop it, start it, or both. */
export type Step = 'none' | 'stop' | 'start' | 'cycle';

/** The origin of a start: it decides the consequence of a failure (S2, S5, A9, R8). */
export type Origin = 'boot' | 'add' | 'restart_child' | 'person' | 'restart';

/** One child. */
export interface Child extends Member {
  readonly spec: NodeSpec;
  readonly restart: RestartType;
  readonly significant: boolean;
  /** The state that commands have set. `down` survives the restarts of its siblings. */
  goal: 'up' | 'down';
  nextStep: Step;
  origin: Origin;
  /** Its end waits in the mailbox: it is down, and the consequences are undecided. */
  endWaits: boolean;
  /** The sweep that it belongs to: the newest one that took it. */
  sweep: number;
}

/**
 * One ordered walk over some children: first it stops children, last one first, each gone before the next is asked (P1); then, when the delay is over,
 * it starts children, first one first, each ready before the next (S1). The marks only move forward.
 */
export interface Sweep {
  readonly id: number;
  readonly members: string[];
  readonly cause: StopCause;
  /** The child whose end caused it; `null` for a command or the boot. */
  readonly culprit: string | null;
  brutal: boolean;
  /** True while the delay of a restart runs. */
  hold: boolean;
  stopMark: number;
  startMark: number;
}

/** An item in the mailbox, which waits while an ordered operation is running. */
export type Deferred =
  | { readonly type: 'fact'; readonly fact: Extract<Fact, { type: 'add' | 'command' | 'delay-over' }> }
  /** The end of a child that was up. `readyFor`: for how long, in ms. */
  | { readonly type: 'end'; readonly child: Child; readonly fact: Ended; readonly readyFor: number }
  /** A start that failed while ends were waiting: its retry is decided after them, unless they made it part of another restart. */
  | { readonly type: 'failure'; readonly child: Child; readonly fact: Ended; readonly sweep: number };

export type Ended = Extract<Fact, { type: 'ended' }>;

/** The state of the engine. */
export interface State extends Book {
  readonly spec: SupervisorSpec;
  /** For the boot. */
  earlier: Earlier;
  readonly children: Map<string, Child>;
  readonly sweeps: Map<number, Sweep>;
  /** Sweeps that may be able to continue. */
  readonly pending: Set<number>;
  readonly order: string[];
  /** Items that are handled when the running ordered operation is over, oldest first. */
  readonly mailbox: Deferred[];
  /** The sweeps that are running ordered operations. */
  readonly busy: Set<number>;
  /** The first starts of children that start in parallel. */
  readonly starts: Starts;
  /** Children that were removed in this decision. */
  readonly removed: string[];
  /** The time of the present fact. */
  now: number;
  lastSweep: number;
  boot: number;
  halt: number;
}

export function newState(spec: SupervisorSpec, earlier: Earlier): State {
  return {
    spec,
    ...emptyBook(),
    earlier,
    stamps: earlier.stamps,
    children: new Map(),
    sweeps: new Map(),
    pending: new Set(),
    order: [],
    mailbox: [],
    busy: new Set(),
    starts: noStarts(),
    removed: [],
    now: 0,
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
    nextStep: 'start',
    origin,
    endWaits: false,
    sweep: 0,
  };
  state.children.set(child.id, child);
  state.order.push(child.id);
  state.out.push({ type: 'create', id: child.id, spec });
  return child;
}

/** The child is as it was before the program was started again: one that was down for good stays down. */
export function restoreChild(child: Child, past: ChildPast | undefined): void {
  restoreMember(child, past);
  if (past?.planned != null) child.origin = 'restart';
  if (past === undefined || !past.isResting) return;
  child.nextStep = 'none';
  if (!past.isWanted) child.goal = 'down';
}

export function removeChild(state: State, child: Child): void {
  state.children.delete(child.id);
  state.removed.push(child.id);
  state.order.splice(state.order.lastIndexOf(child.id), 1);
  state.out.push({ type: 'remove', id: child.id });
}

/** The options of a new sweep. */
export interface SweepOptions {
  readonly cause: StopCause;
  /** If not given, null. */
  readonly culprit?: string;
  /** If not given, false. */
  readonly hold?: boolean;
  /** If not given, false. */
  readonly brutal?: boolean;
  /** It is an ordered operation: the mailbox is not read before it is over. If not given, false. */
  readonly ordered?: boolean;
}

/** Opens a sweep over `members`; it takes them from their sweeps, which continue without them. */
export function openSweep(state: State, members: readonly string[], options: SweepOptions): Sweep {
  const id = ++state.lastSweep;
  const { cause, culprit = null, hold = false, brutal = false, ordered = false } = options;
  const sweep = { id, members: [...members], cause, culprit, brutal, hold, stopMark: members.length - 1, startMark: 0 };
  state.sweeps.set(id, sweep);
  if (ordered) state.busy.add(id);
  // Added before the sweeps that lose members: its stops are requested before their next starts.
  state.pending.add(id);
  for (const member of members) {
    const child = state.children.get(member);
    if (child === undefined) continue;
    if (child.sweep !== 0) state.pending.add(child.sweep);
    child.sweep = id;
  }
  return sweep;
}

export function closeSweep(state: State, sweep: Sweep): void {
  state.sweeps.delete(sweep.id);
  state.busy.delete(sweep.id);
}

import { answerWaiters, isAlive, noteReady, pastOfMember, setStatus, tellGone } from './book.js';
import { inStartOrder } from './dependencies.js';
import { type ChildPast, type Earlier, NOTHING_EARLIER } from './earlier.js';
import type { ChildCount, ChildRow, Effect, End, Engine, Fact, Status } from './fact.js';
import type { SupervisorSpec } from './spec.js';
import { awaitedBy, startingFirst } from './supervision/awaited.js';
import { onAdd, onCommand } from './supervision/commands.js';
import { beginRestart, failBoot, failsBoot, onDeferred, onDelayOver, onEnded } from './supervision/endings.js';
import { isOrdered, mayRead, mustWait, supersedeStarts } from './supervision/mailbox.js';
import { plannedRestarts, resumeRestart } from './supervision/resumed-restarts.js';
import { advanceStarts, enqueueAll, isParallel, noteTried, releaseDependents } from './supervision/starts.js';
import {
  addChild,
  type Child,
  type Deferred,
  newState,
  openSweep,
  restoreChild,
  type State,
} from './supervision/state.js';
import { advanceAll, beginHalt, hurry, onQuiesce } from './supervision/sweep.js';

/**
 * The engine of a static supervisor: facts in, effects out, by OTP's rules (docs/otp.md). It reads no clock, draws no random number and has no side
 * effects. All ordered work is done by sweeps (supervision/sweep.ts).
 *
 * `generations`: the last generation of an earlier child with this id, so that a restarted supervisor continues the numbers. If not given, every child
 * begins at 0. `earlier`: if not given, nothing was before.
 */
export function createSupervision(
  spec: SupervisorSpec,
  generations?: (id: string) => number,
  earlier: Earlier = NOTHING_EARLIER,
): Engine {
  const state = newState(spec, earlier);
  const known = generations ?? (() => 0);
  return {
    get status(): Status {
      return state.status;
    },
    decide(fact: Fact): Effect[] {
      state.out = [];
      if ('at' in fact) state.now = fact.at;
      receive(state, fact, known);
      advance(state);
      readMailbox(state, known);
      return state.out;
    },
    which: () => state.order.map((id) => rowOf(state.children.get(id) as Child)).reverse(),
    row: (id) => {
      const child = state.children.get(id);
      return child && rowOf(child);
    },
    count: () => countOf(state),
    awaitedBy: (id) => awaitedBy(state, id),
    get stamps(): readonly number[] {
      return state.stamps;
    },
    past: (id) => {
      const child = state.children.get(id);
      return child && pastOf(child);
    },
  };
}

function receive(state: State, fact: Fact, known: (id: string) => number): void {
  const mayWait = fact.type === 'add' || fact.type === 'command' || fact.type === 'delay-over';
  if (mayWait && isBehindRestarts(state, fact)) catchUp(state, known);
  if (mayWait && mustWait(state, fact)) return postpone(state, fact);
  if (fact.type === 'command') supersedeStarts(state, fact);
  take(state, fact, known);
}

/** True when restarts that are due must begin before this fact is handled. A stop does not need that, unless the end of its child is still in the mailbox. */
function isBehindRestarts(state: State, fact: Extract<Deferred, { type: 'fact' }>['fact']): boolean {
  if (fact.type !== 'command') return fact.type === 'add';
  if (fact.verb !== 'stop' && fact.verb !== 'kill') return true;
  return state.children.get(fact.id)?.endWaits ?? false;
}

/**
 * Under one_for_one, begins the restarts that are due, and those of ends that came before the call. Otherwise the call would wait for as many turns of the
 * event loop as there are children to restart.
 */
function catchUp(state: State, known: (id: string) => number): void {
  while (state.status === 'running' && !isOrdered(state) && state.busy.size > 0) {
    for (const id of state.busy) beginRestart(state, state.sweeps.get(id));
    state.busy.clear();
    advance(state);
    readMailbox(state, known);
  }
}

/** Puts the fact into the mailbox, and emits for a call which starts it waits for. */
function postpone(state: State, fact: Extract<Deferred, { type: 'fact' }>['fact']): void {
  state.mailbox.push({ type: 'fact', fact });
  if (fact.type === 'delay-over') return;
  const starting = startingFirst(state);
  const id = fact.type === 'add' ? fact.spec.id : fact.id;
  if (starting.length > 0) state.out.push({ type: 'waiting', id, for: starting });
}

/** Handles the facts in the mailbox, up to the next one that begins an ordered operation. */
function readMailbox(state: State, known: (id: string) => number): void {
  while (mayRead(state)) {
    const item = state.mailbox.shift();
    if (item === undefined) return;
    if (item.type === 'fact') take(state, item.fact, known);
    else onDeferred(state, item);
    advance(state);
  }
}

function advance(state: State): void {
  do {
    advanceStarts(state);
    advanceAll(state);
  } while (state.removed.length > 0);
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
      return onAdd(state, fact, known(fact.spec.id));
    case 'command':
      return onCommand(state, fact);
    default:
      return onChildFact(state, fact);
  }
}

function onBoot(state: State, known: (id: string) => number): void {
  if (state.status !== 'idle') return;
  setStatus(state, 'booting');
  const earlier = takeChildren(state, known);
  const waiting = plannedRestarts(state, earlier);
  for (const { child } of waiting) child.phase = 'restarting';
  if (isParallel(state)) enqueueAll(state, earlier);
  else state.boot = openSweep(state, state.order, { cause: 'command', ordered: true }).id;
  for (const each of waiting) resumeRestart(state, earlier, each);
}

/** Adds the children of the spec and those that were added later, as they were before the program was started again. */
function takeChildren(state: State, known: (id: string) => number): Earlier {
  const { earlier } = state;
  for (const spec of [...inStartOrder(state.spec.children), ...earlier.added])
    restoreChild(addChild(state, spec, known(spec.id), 'boot'), earlier.child(spec.id));
  state.earlier = NOTHING_EARLIER;
  return earlier;
}

/** It had ended before the program was started again, and stays as it was until it is started. */
function onRest(state: State, known: (id: string) => number, end: End): void {
  if (state.status !== 'idle') return;
  takeChildren(state, known);
  for (const child of state.children.values()) child.nextStep = 'none';
  state.finish = end;
  state.status = 'ended';
}

function onHalt(state: State, brutal: boolean): void {
  if (state.status === 'idle' || state.status === 'ended') return;
  if (state.halt === 0) return beginHalt(state, 'stopping', { kind: 'shutdown' }, null, brutal);
  const sweep = state.sweeps.get(state.halt);
  if (!brutal || sweep === undefined) return;
  sweep.brutal = true;
  hurry(state);
}

function onDelayEnd(state: State, id: number): void {
  const sweep = state.sweeps.get(id);
  if (sweep?.hold && !state.quiesced) onDelayOver(state, sweep);
}

type ChildFact = Extract<Fact, { generation: number }>;

function onChildFact(state: State, fact: ChildFact): void {
  const child = state.children.get(fact.id);
  if (child === undefined || child.generation !== fact.generation || !isAlive(child)) {
    state.out.push({ type: 'stale', id: fact.id, generation: fact.generation, fact: fact.type });
    return;
  }
  if (fact.type === 'ended') {
    onEnded(state, child, fact);
    tellGone(state, state.children.values());
  } else if (fact.type === 'ready') onReady(state, child, fact.at);
  else onStuck(state, child, fact.blockers);
}

function onReady(state: State, child: Child, at: number): void {
  if (child.phase !== 'starting') return;
  noteReady(child, at);
  if (child.nextStep === 'start') child.nextStep = 'none';
  state.pending.add(child.sweep);
  noteTried(state, child);
  releaseDependents(state, child.id);
  if (child.nextStep === 'none') answerWaiters(state, child, { ok: true, id: child.id }, 'up');
}

function onStuck(state: State, child: Child, blockers: string): void {
  const isFailedBoot = child.phase === 'starting' && failsBoot(state, child);
  // The consequence of its failed start comes when the zombie is gone.
  if (child.nextStep === 'start') child.nextStep = 'none';
  child.phase = 'stuck';
  noteTried(state, child);
  state.pending.add(child.sweep);
  answerWaiters(state, child, { ok: false, code: 'ZOMBIE', reason: blockers });
  if (isFailedBoot) failBoot(state, child, blockers);
}

function pastOf(child: Child): ChildPast {
  const { goal, phase, nextStep } = child;
  const isResting = phase === 'down' && nextStep === 'none';
  return { isWanted: goal === 'up', isResting, ...pastOfMember(child) };
}

function rowOf(child: Child): ChildRow {
  return { id: child.id, phase: child.phase, generation: child.generation };
}

function countOf(state: State): ChildCount {
  const all = [...state.children.values()];
  const supervisors = all.filter((child) => child.spec.kind !== 'agent').length;
  const active = all.filter(isAlive).length;
  return { specs: all.length, active, supervisors, workers: all.length - supervisors };
}

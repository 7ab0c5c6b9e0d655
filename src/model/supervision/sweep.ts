import { answerWaiters, emitFinished, isAlive, isEnding, setStatus } from '../book.js';
import type { Reason } from '../reason.js';
import { closeMailbox } from './mailbox.js';
import { type Child, closeSweep, openSweep, removeChild, type State, type Sweep } from './state.js';

/** Takes the next step of every sweep that can continue. */
export function advanceAll(state: State): void {
  for (const id of state.pending) {
    state.pending.delete(id);
    const sweep = state.sweeps.get(id);
    if (sweep !== undefined) advance(state, sweep);
  }
}

function advance(state: State, sweep: Sweep): void {
  if (stopNext(state, sweep) || sweep.hold || startNext(state, sweep)) return;
  closeSweep(state, sweep);
  for (const id of sweep.members) release(state, sweep, id);
  if (sweep.id === state.boot && state.status === 'booting') setStatus(state, 'running');
  if (sweep.id === state.halt) emitFinished(state, state.children.values());
}

/** Stops the last member that has to go down; false when there is none. */
function stopNext(state: State, sweep: Sweep): boolean {
  for (; sweep.stopMark >= 0; sweep.stopMark--) {
    const child = memberOf(state, sweep, sweep.stopMark);
    if (child === undefined || (child.nextStep !== 'stop' && child.nextStep !== 'cycle')) continue;
    if (child.phase === 'stopping') return true;
    if (child.phase === 'up' || child.phase === 'starting') {
      askToStop(state, child, sweep);
      return true;
    }
    if (child.phase !== 'stuck') settleDown(state, child);
  }
  return false;
}

/** Starts the first member that has to come up; false when all are up. */
function startNext(state: State, sweep: Sweep): boolean {
  for (; sweep.startMark < sweep.members.length; sweep.startMark++) {
    const child = memberOf(state, sweep, sweep.startMark);
    if (child === undefined || child.nextStep !== 'start' || child.phase === 'stuck') continue;
    if (child.phase === 'starting') return true;
    if (isAlive(child) || isEnding(state) || state.quiesced) child.nextStep = 'none';
    else {
      launch(state, child);
      return true;
    }
  }
  return false;
}

function memberOf(state: State, sweep: Sweep, index: number): Child | undefined {
  const child = state.children.get(sweep.members[index] as string);
  return child?.sweep === sweep.id ? child : undefined;
}

function release(state: State, sweep: Sweep, id: string): void {
  const child = state.children.get(id);
  if (child?.sweep === sweep.id) child.sweep = 0;
}

function launch(state: State, child: Child): void {
  child.generation++;
  child.phase = 'starting';
  child.readyAt = null;
  state.out.push({ type: 'start', id: child.id, generation: child.generation });
}

function askToStop(state: State, child: Child, sweep: Sweep): void {
  child.phase = 'stopping';
  state.out.push({ type: 'stop', id: child.id, brutal: sweep.brutal, cause: sweep.cause });
}

/** The child is down as intended: it waits for its start, or stays down; a temporary one is removed (R3, T6). */
export function settleDown(state: State, child: Child): void {
  child.phase = 'down';
  answerWaiters(state, child, { ok: true, id: child.id }, 'down');
  if (child.nextStep === 'cycle') child.nextStep = 'start';
  else if (child.nextStep === 'stop') {
    child.nextStep = 'none';
    const reason = isEnding(state) ? 'the stop of its supervisor' : 'a stop';
    answerWaiters(state, child, { ok: false, code: 'SUPERSEDED', reason });
    if (child.restart === 'temporary') removeChild(state, child);
  }
}

/** Stops all children in reverse order; nothing starts any more. `finished` will carry this reason. */
export function beginHalt(
  state: State,
  status: 'stopping' | 'failing',
  reason: Reason,
  child: string | null,
  brutal: boolean,
): void {
  state.finish = { reason, child };
  setStatus(state, status);
  closeMailbox(state);
  for (const each of state.children.values()) {
    if (each.phase === 'restarting') each.phase = 'down';
    each.nextStep = 'stop';
    if (each.phase === 'down') answerWaiters(state, each, SUPERSEDED, 'up');
  }
  const sweep = openSweep(state, state.order, { cause: 'shutdown', brutal });
  state.halt = sweep.id;
  for (const each of state.children.values()) cancelOrQuiesce(state, each, sweep);
  if (brutal) hurry(state);
}

/** A child that is starting is cancelled at once, regardless of the order; a supervisor must start nothing more before its turn. */
function cancelOrQuiesce(state: State, child: Child, sweep: Sweep): void {
  if (child.phase === 'starting') askToStop(state, child, sweep);
  else if (child.phase === 'up' && child.spec.kind !== 'agent') state.out.push({ type: 'quiesce', id: child.id });
}

const SUPERSEDED = { ok: false, code: 'SUPERSEDED', reason: 'the stop of its supervisor' } as const;

/** A supervisor above has begun to stop: starts and restarts are cancelled; running children stay up until their turn. */
export function onQuiesce(state: State): void {
  if (state.quiesced || state.status === 'idle' || isEnding(state)) return;
  state.quiesced = true;
  closeMailbox(state);
  for (const child of state.children.values()) cancelStart(state, child);
  const starting = state.order.filter((id) => state.children.get(id)?.phase === 'starting');
  const sweep = openSweep(state, starting, { cause: 'shutdown' });
  for (const child of state.children.values()) cancelOrQuiesce(state, child, sweep);
}

function cancelStart(state: State, child: Child): void {
  if (child.phase === 'restarting') child.phase = 'down';
  if (child.nextStep === 'cycle' || child.phase === 'starting') child.nextStep = 'stop';
  if (child.phase !== 'down' || child.nextStep !== 'start') return;
  child.nextStep = 'none';
  answerWaiters(state, child, SUPERSEDED);
}

/** Kills the children that were asked to stop; a repeated kill is harmless. */
export function hurry(state: State): void {
  for (const child of state.children.values()) {
    if (child.phase === 'stopping') state.out.push({ type: 'stop', id: child.id, brutal: true, cause: 'shutdown' });
  }
}

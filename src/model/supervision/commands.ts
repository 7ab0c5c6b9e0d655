import { answer, answerWaiters, pardon, refuse, takesCommands } from '../book.js';
import type { Fact, Token } from '../fact.js';
import { dropEnd, isOrdered } from './mailbox.js';
import { enqueue, isParallel, noteTried } from './starts.js';
import { addChild, type Child, openSweep, removeChild, type State } from './state.js';

type Command = Extract<Fact, { type: 'command' }>;
type Add = Extract<Fact, { type: 'add' }>;

/** A1: a new child at the end of the start order. */
export function onAdd(state: State, fact: Add, generation: number): void {
  const { token, spec } = fact;
  if (!takesCommands(state)) return refuse(state, token, 'SUPERVISOR_ENDED', state.status);
  const known = state.children.get(spec.id);
  if (known !== undefined) {
    const started = known.phase === 'up' || known.phase === 'starting' || known.endWaits;
    return refuse(state, token, started ? 'ALREADY_STARTED' : 'ALREADY_PRESENT', known.phase);
  }
  const child = addChild(state, spec, generation, 'add');
  child.waiters.push({ token, until: 'up' });
  if (isParallel(state)) enqueue(state, child);
  else openSweep(state, [child.id], { cause: 'command', ordered: isOrdered(state) });
}

/** One command for one child (A2 to A4, and the idempotent ones). */
export function onCommand(state: State, fact: Command): void {
  const { token, id } = fact;
  if (!takesCommands(state)) return refuse(state, token, 'SUPERVISOR_ENDED', state.status);
  const child = state.children.get(id);
  if (child === undefined) return refuse(state, token, 'NOT_FOUND', id);
  if (child.endWaits) return beforeEnd(state, child, fact);
  handle(state, child, fact);
}

/** The call came before the end of the child, which is still in the mailbox: for the call, the child is running. */
function beforeEnd(state: State, child: Child, fact: Command): void {
  const { token, verb, id } = fact;
  if (verb === 'restart_child' || verb === 'delete') return refuse(state, token, 'RUNNING', id);
  if (verb === 'start') return answer(state, token, { ok: true, id });
  dropEnd(state, child);
  handle(state, child, fact);
}

function handle(state: State, child: Child, { token, verb }: Command): void {
  switch (verb) {
    case 'stop':
      return stop(state, child, token, false);
    case 'kill':
      return stop(state, child, token, true);
    case 'start':
      return start(state, child, token);
    case 'restart':
      return cycle(state, child, token);
    case 'restart_child':
      return restartChild(state, child, token);
    case 'delete':
      return deleteChild(state, child, token);
  }
}

function stop(state: State, child: Child, token: Token, brutal: boolean): void {
  child.goal = 'down';
  noteTried(state, child);
  child.waiters.push({ token, until: 'down' });
  answerWaiters(state, child, { ok: false, code: 'SUPERSEDED', reason: brutal ? 'a kill' : 'a stop' }, 'up');
  child.nextStep = 'stop';
  if (child.phase === 'stopping' || child.phase === 'stuck') {
    if (brutal) state.out.push({ type: 'stop', id: child.id, brutal, cause: 'command' });
    if (child.phase === 'stuck') refuseAll(state, child);
    return;
  }
  if (child.phase === 'down' || child.phase === 'restarting') {
    state.out.push({ type: 'stop', id: child.id, brutal, cause: 'command' });
    child.phase = 'down';
  }
  openSweep(state, [child.id], { cause: 'command', brutal });
}

function start(state: State, child: Child, token: Token): void {
  switch (child.phase) {
    case 'up':
      child.goal = 'up';
      if (child.nextStep !== 'none') return joinSweep(child, token);
      return answer(state, token, { ok: true, id: child.id });
    case 'stuck':
      return refuse(state, token, 'ZOMBIE', child.id);
    case 'starting':
      return wait(child, token);
    case 'stopping':
      child.nextStep = 'cycle';
      return wait(child, token);
    default:
      startNow(state, child, token, 'person');
  }
}

/** The child is in a sweep that has not stopped it yet: the same sweep starts it again in its turn. */
function joinSweep(child: Child, token: Token): void {
  child.nextStep = 'cycle';
  wait(child, token);
}

/** A stop and a start. A call during a running cycle joins it. */
function cycle(state: State, child: Child, token: Token): void {
  if (child.phase !== 'up' || child.nextStep !== 'none') return start(state, child, token);
  pardon(state, child);
  child.nextStep = 'cycle';
  child.origin = 'person';
  wait(child, token);
  openSweep(state, [child.id], { cause: 'command', ordered: isOrdered(state) });
}

function restartChild(state: State, child: Child, token: Token): void {
  if (child.phase === 'restarting' || (child.phase === 'down' && child.nextStep === 'start')) {
    return refuse(state, token, 'RESTARTING', child.id);
  }
  if (child.phase !== 'down') return refuse(state, token, child.phase === 'stuck' ? 'ZOMBIE' : 'RUNNING', child.id);
  startNow(state, child, token, 'restart_child');
}

function deleteChild(state: State, child: Child, token: Token): void {
  if (child.phase === 'restarting' || (child.phase === 'down' && child.nextStep === 'start')) {
    return refuse(state, token, 'RESTARTING', child.id);
  }
  if (child.phase !== 'down') return refuse(state, token, child.phase === 'stuck' ? 'ZOMBIE' : 'RUNNING', child.id);
  removeChild(state, child);
  answer(state, token, { ok: true, id: child.id });
}

/** Starts a child that is down, without its delay; in an ordered operation it keeps its place. */
function startNow(state: State, child: Child, token: Token, origin: 'person' | 'restart_child'): void {
  const hasTurn = child.phase === 'down' && child.nextStep === 'start';
  wait(child, token);
  if (hasTurn) return;
  pardon(state, child);
  child.phase = 'down';
  child.nextStep = 'start';
  child.origin = origin;
  openSweep(state, [child.id], { cause: 'command', ordered: isOrdered(state) });
}

function wait(child: Child, token: Token): void {
  child.goal = 'up';
  child.waiters.push({ token, until: 'up' });
}

function refuseAll(state: State, child: Child): void {
  answerWaiters(state, child, { ok: false, code: 'ZOMBIE', reason: child.id });
}

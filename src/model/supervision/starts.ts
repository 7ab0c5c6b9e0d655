import { isEnding, setStatus } from '../book.js';
import type { Earlier } from '../earlier.js';
import { type Child, openSweep, type State } from './state.js';

/*
 * `start: 'parallel'`: children that do not depend on each other start together, a bounded number at once; a child with `after` waits until each of
 * those siblings has been ready. Only first starts wait: a restart concerns one child alone (one_for_one).
 */

/** The most children of a booting supervisor that start at once. */
const MAX_STARTING = 64;

export function isParallel({ spec }: State): boolean {
  return spec.start === 'parallel';
}

/** The first starts of a boot. A child that was started before the program was started again waits for no sibling. */
export function enqueueAll(state: State, earlier: Earlier): void {
  const children = state.order.map((id) => state.children.get(id) as Child);
  for (const child of children) {
    if (!isDue(child)) state.starts.untried.add(child.id);
    else enqueue(state, child, earlier.child(child.id) === undefined);
  }
  for (const child of children) if (!isDue(child)) noteTried(state, child);
}

/** False for a child that stays down, or waits for its planned restart. */
function isDue({ nextStep, phase }: Child): boolean {
  return nextStep === 'start' && phase === 'down';
}

/** True while the first start of the child waits for siblings. */
export function waitsForSiblings({ starts }: State, { id, nextStep }: Child): boolean {
  return nextStep === 'start' && starts.waiting.has(id);
}

/** Starts the child, or makes it wait for the siblings in its `after`. */
export function enqueue(state: State, child: Child, mayWait = true): void {
  const { starts } = state;
  if (child.origin === 'boot') starts.untried.add(child.id);
  const others = new Set(mayWait ? child.spec.after.filter((id) => isAwaited(state, id)) : []);
  if (others.size === 0) return release(state, child);
  starts.waiting.set(child.id, others);
  for (const id of others) starts.dependents.set(id, [...(starts.dependents.get(id) ?? []), child.id]);
  state.out.push({ type: 'waiting', id: child.id, for: [...others] });
}

/** The child is ready or removed: its dependents no longer wait for it. */
export function releaseDependents(state: State, id: string): void {
  const { dependents, waiting } = state.starts;
  const those = dependents.get(id) ?? [];
  dependents.delete(id);
  for (const each of those) {
    const others = waiting.get(each);
    if (others === undefined || !others.delete(id) || others.size > 0) continue;
    waiting.delete(each);
    const child = state.children.get(each);
    if (child !== undefined) release(state, child);
  }
}

/** The child has had its first attempt, or will have none: the boot no longer waits for it, nor for dependents of a failed child. */
export function noteTried(state: State, child: Child): void {
  const { starts } = state;
  starts.starting.delete(child.id);
  if (!starts.untried.delete(child.id) || child.phase === 'up') return;
  for (const id of starts.dependents.get(child.id) ?? []) {
    const dependent = state.children.get(id);
    if (dependent !== undefined) noteTried(state, dependent);
  }
}

/** Starts the children that may start; emits the status when the boot is over. */
export function advanceStarts(state: State): void {
  const { ready, starting, untried } = state.starts;
  for (const id of state.removed.splice(0)) {
    starting.delete(id);
    untried.delete(id);
    releaseDependents(state, id);
  }
  if (isEnding(state) || state.quiesced) for (const set of [ready, starting, untried]) set.clear();
  for (const id of ready) {
    if (starting.size >= MAX_STARTING) break;
    ready.delete(id);
    const child = state.children.get(id);
    if (child === undefined || child.nextStep !== 'start' || child.phase !== 'down') continue;
    starting.add(id);
    openSweep(state, [id], { cause: 'command' });
  }
  if (isParallel(state) && state.status === 'booting' && untried.size === 0) setStatus(state, 'running');
}

function release(state: State, child: Child): void {
  if (!isDue(child)) return;
  if (child.origin !== 'boot') return void openSweep(state, [child.id], { cause: 'command' });
  state.starts.ready.add(child.id);
  // The boot waits for it again, if it did not because of a failed sibling that is ready or gone now.
  if (state.status === 'booting') state.starts.untried.add(child.id);
}

function isAwaited(state: State, id: string): boolean {
  const other = state.children.get(id);
  return other !== undefined && other.phase !== 'up';
}

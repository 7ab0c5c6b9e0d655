import type { ChildRow } from '../../../src/model/fact.js';
import {
  isBelow,
  isBusy,
  isChanging,
  isIndependent,
  isStopping,
  nameOf,
  type Place,
  type Places,
  parentOf,
  type Step,
} from './place.js';

/*
 * The steps after which a tree differs from OTP deliberately. Random histories leave them out. Each function names its rows of the table of deviations
 * in docs/otp.md.
 */

/** What a history records about the operations under way. */
export interface Pending {
  /** By supervisor: the ends and calls that have come since it was idle. */
  readonly messages: ReadonlyMap<string, number>;
  /** The supervisors that carry out a `terminate`. */
  readonly terminating: ReadonlySet<string>;
  /** The paths of the children that a `terminate` has stopped. */
  readonly terminated: ReadonlySet<string>;
  /** The agents that are ready, or were when their stop began. */
  readonly ready: ReadonlySet<string>;
}

/** True when this step makes such a difference. */
export function isDeviation(step: Step, pending: Pending): boolean {
  return (
    cancelsStart(step, pending) ||
    [...step.before.values()].some((place) => isInterrupted(step, pending, place)) ||
    endedSupervisors(step).some((path) => isEndUnread(step, pending, path)) ||
    [...step.after.values()].some((place) => startsTogether(place) || leavesDown(step, pending, place))
  );
}

/** The supervisors below the root that have ended by themselves in this step. */
export function endedSupervisors({ before, after }: Step): string[] {
  const paths = [...before.keys()].filter((path) => path !== '');
  return paths.filter((path) => {
    const was = rowOf(before, path);
    const row = rowOf(after, path);
    if (was?.phase !== 'up' || row?.phase === 'stopping') return false;
    return row?.phase !== 'up' || row.generation !== was.generation;
  });
}

function rowOf(places: Places, path: string): ChildRow | undefined {
  return places.get(parentOf(path))?.rows.get(nameOf(path));
}

/** S1, P1: a child that is still starting is stopped at once. */
function cancelsStart({ line, log }: Step, { ready }: Pending): boolean {
  const isReady = (path: string): boolean => ready.has(path) || line === `ready ${path}`;
  return log.some((entry) => entry.startsWith('-') && !isReady(entry.slice(1)));
}

/** S1, P1: a stop of the supervisor, or of one above it, cancels the operation under way. In OTP it is read when the operation is over. */
function isInterrupted(step: Step, { messages }: Pending, place: Place): boolean {
  if (!isBusy(place) || isStopping(place)) return false;
  const wasUp = rowOf(step.before, place.path)?.phase === 'up';
  const isStopped = place.path !== '' && rowOf(step.after, place.path)?.phase === 'stopping';
  // The boot of a supervisor is over before its stop begins, but the messages of the boot may have begun an operation in between.
  if (isStopped && (wasUp || messages.has(place.path))) return true;
  return [...step.before.values()].some((ancestor) => {
    const now = step.after.get(ancestor.path);
    return isBelow(place.path, ancestor.path) && !isStopping(ancestor) && (now === undefined || isStopping(now));
  });
}

/** T1; S1, A2: a supervisor ends while its parent in OTP waits for another child and does not read the end. */
function isEndUnread({ before }: Step, { messages, terminating }: Pending, path: string): boolean {
  const parent = before.get(parentOf(path)) as Place;
  if (isStopping(parent) || !isBusy(parent)) return false;
  const isBooting = parent.status === 'booting' && parent.strategy === 'one_for_one';
  return isIndependent(parent) || terminating.has(parent.path) || (isBooting && (messages.get(parent.path) ?? 0) > 0);
}

/** T1. */
function startsTogether(place: Place): boolean {
  return place.status === 'running' && isIndependent(place) && [...place.rows.values()].filter(isChanging).length > 1;
}

/** T2, T3: a child that a call has stopped stays down when its siblings are restarted. */
function leavesDown({ line, before }: Step, { terminated }: Pending, place: Place): boolean {
  const { path, rows, status } = place;
  if (isIndependent(place) || status !== 'running') return false;
  const isDown = (child: string): boolean => parentOf(child) === path && rows.get(nameOf(child))?.phase === 'down';
  if (![...terminated].some(isDown)) return false;
  const called = calledIn(line);
  const earlier = before.get(path)?.rows;
  return [...rows.values()].some((row) => {
    const isChanged = isChanging(row) && row.phase !== earlier?.get(row.id)?.phase;
    return isChanged && called !== (path === '' ? row.id : `${path}/${row.id}`);
  });
}

/** The path of the child that a call is about; null if the step is no call. */
export function calledIn(line: string): string | null {
  const [verb = '', child = ''] = line.split(' ');
  if (!['add', 'terminate', 'restart', 'delete'].includes(verb)) return null;
  return (child.split('=')[0] as string).split(':')[0] as string;
}

import type { ReferenceChild, Row } from './reference-row.js';

/* The first starts of `start: 'parallel'`: a child waits for the siblings in its `after`, each of which must have been ready. */

/** Each child behind the siblings in its `after`; otherwise in the given order. */
export function inStartOrder(children: readonly ReferenceChild[]): ReferenceChild[] {
  const placed: ReferenceChild[] = [];
  const isFree = ({ after = [] }: ReferenceChild): boolean => after.every((id) => placed.some((row) => row.id === id));
  while (placed.length < children.length) {
    placed.push(children.find((child) => !placed.includes(child) && isFree(child)) as ReferenceChild);
  }
  return placed;
}

/** The siblings that a child waits for when its start is due. */
export function awaitedBy({ after = [] }: Row, rows: readonly Row[]): string[] {
  return after.filter((id) => rows.some((row) => row.id === id && row.phase !== 'up'));
}

/** This sibling is ready, or forgotten: the children that may start now. */
export function released(id: string, rows: readonly Row[]): Row[] {
  const waiting = rows.filter(({ awaits }) => awaits.includes(id));
  for (const row of waiting) row.awaits = row.awaits.filter((other) => other !== id);
  return waiting.filter(({ awaits, turn, phase }) => awaits.length === 0 && turn && phase === 'down');
}

/** The boot waits no longer for this child, nor, if it is not up, for those that wait for it. */
export function markTried(row: Row, rows: readonly Row[]): void {
  if (!row.untried) return;
  row.untried = false;
  if (row.phase === 'up') return;
  for (const other of rows) if (other.awaits.includes(row.id)) markTried(other, rows);
}

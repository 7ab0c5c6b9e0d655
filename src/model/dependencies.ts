import { fieldPath, type Problem, shown } from './problem.js';
import type { Fields } from './snapshot.js';

/* The order of siblings by `after`: its rules, and the resulting order. */

/** The fields of one child, and its place in the input. */
export interface Sibling {
  readonly at: string;
  readonly fields: Fields;
}

/** Adds one problem: the path, the rule and the value. */
type AddProblem = (path: string, rule: string, got: unknown) => void;

/** `after` may name siblings, not the child itself, and must not form a circle; for children that start in sequence, only earlier siblings. */
export function checkOrder(siblings: readonly Sibling[], parallel: boolean, addProblem: AddProblem): void {
  const places = new Map(siblings.map(({ fields }, index) => [fields.id, index]));
  for (const [index, { at, fields }] of siblings.entries()) {
    for (const [nth, other] of afterOf(fields).entries()) {
      const path = fieldPath(fieldPath(at, 'after'), nth);
      const place = places.get(other);
      if (other === fields.id) addProblem(path, 'must not be its own id', other);
      else if (place === undefined) addProblem(path, 'must be the id of a sibling', other);
      else if (!parallel && place > index)
        addProblem(path, 'must stand before it, because children start in sequence', other);
    }
  }
  if (parallel) checkCircles(siblings, addProblem);
}

/** Whether a child has this id. */
export type IsSibling = (id: unknown) => boolean;

/** The problems of `after` for a child that is added to these siblings. */
export function afterProblems(input: unknown, isSibling: IsSibling): Problem[] {
  const { id, after } = input as { id?: unknown; after?: unknown };
  return listOf(after).flatMap((other, nth) => {
    if (other !== id && isSibling(other)) return [];
    const rule = other === id ? 'must not be its own id' : 'must be the id of a sibling';
    return [{ path: fieldPath('after', nth), rule, got: shown(other) }];
  });
}

/** The children with each one behind the siblings in its `after`; otherwise in the given order. */
export function inStartOrder<T extends { readonly id: string; readonly after: readonly string[] }>(
  children: readonly T[],
): readonly T[] {
  if (children.every(({ after }) => after.length === 0)) return children;
  return sorted(
    children,
    ({ id }) => id,
    ({ after }) => after,
  );
}

function checkCircles(siblings: readonly Sibling[], addProblem: AddProblem): void {
  const idOf = ({ fields }: Sibling): unknown => fields.id;
  const placed = new Set(sorted(siblings, idOf, ({ fields }) => afterOf(fields)));
  const left = new Map(siblings.filter((sibling) => !placed.has(sibling)).map((sibling) => [idOf(sibling), sibling]));
  for (const first of left.values()) {
    const walked = new Set<Sibling>();
    let next: Sibling | undefined = first;
    while (next !== undefined && !walked.has(next)) {
      walked.add(next);
      left.delete(idOf(next));
      next = afterOf(next.fields)
        .map((id) => left.get(id) ?? [...walked].find((other) => idOf(other) === id))
        .find(Boolean);
    }
    if (next === undefined) continue;
    const circle = [...walked, next].slice([...walked].indexOf(next)).map(idOf);
    addProblem(fieldPath(next.at, 'after'), `must not form a circle: ${circle.join(', ')}`, undefined);
  }
}

/**
 * The items that can be placed behind all items in their `after`, otherwise in the given order; items in a circle, or behind one, cannot. Unknown ids and
 * the item's own id are ignored.
 */
function sorted<T>(items: readonly T[], idOf: (item: T) => unknown, after: (item: T) => readonly unknown[]): T[] {
  const known = new Set(items.map(idOf));
  const open: number[] = [];
  const behind = new Map<unknown, number[]>();
  for (const [place, item] of items.entries()) {
    const others = new Set(after(item).filter((id) => known.has(id) && id !== idOf(item)));
    open.push(others.size);
    for (const id of others) behind.set(id, [...(behind.get(id) ?? []), place]);
  }
  const placed: T[] = [];
  const free = new Places(open.flatMap((count, place) => (count === 0 ? place : [])));
  for (let place = free.takeFirst(); place !== undefined; place = free.takeFirst()) {
    placed.push(items[place] as T);
    for (const other of behind.get(idOf(items[place] as T)) ?? []) {
      open[other] = (open[other] as number) - 1;
      if (open[other] === 0) free.add(other);
    }
  }
  return placed;
}

/** Places, the first of which is taken first. */
class Places {
  readonly #descending: number[];

  constructor(ascending: readonly number[]) {
    this.#descending = ascending.toReversed();
  }

  takeFirst(): number | undefined {
    return this.#descending.pop();
  }

  add(place: number): void {
    let low = 0;
    let high = this.#descending.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#descending[middle] as number) > place) low = middle + 1;
      else high = middle;
    }
    this.#descending.splice(low, 0, place);
  }
}

function afterOf(fields: Fields): readonly unknown[] {
  return listOf(fields.after);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

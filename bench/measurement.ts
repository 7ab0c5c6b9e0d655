/** What one run of one variant measured: figures by name. */
export type Figures = Readonly<Record<string, number>>;

/** The median of one figure over the runs of a variant. */
export type Medians = (variant: string, figure: string) => number;

/** One line of the table. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly ours: number;
  /** The same, done by a bare loop; `null` where there is nothing to compare with. */
  readonly floor: number | null;
  /** `null` for a line that only informs. */
  readonly target: Target | null;
  /** The same, done by other supervisors, by name; `null` for one that is not installed. */
  readonly peers?: Readonly<Record<string, number | null>>;
}

export interface Target {
  /** What is bounded: ours itself, ours divided by the floor, or ours without the floor's part. */
  readonly of: 'ours' | 'ratio' | 'excess';
  readonly most: number;
  /** True when `most` is the least instead: more is better. */
  readonly least?: true;
}

/**
 * Something measured in several ways. Every run of every variant has a process of its own, so that heaps do not mix; the variants
 * take turns, so that a machine that is slow for a while is slow for all.
 */
export interface Measurement {
  readonly title: string;
  /** How many times each variant runs. */
  readonly rounds: number;
  /** About how many seconds all runs take together. */
  readonly seconds: number;
  readonly variants: Readonly<Record<string, () => Promise<Figures>>>;
  rows(median: Medians): Row[];
  /** Lines below the table. */
  readonly notes?: readonly string[];
}

/** Must be at most `most` times the floor. */
export function ratioRow(what: string, unit: string, ours: number, floor: number, most: number): Row {
  return { what, unit, ours, floor, target: { of: 'ratio', most } };
}

/** Must be at least `least` times the floor. */
export function leastRow(what: string, unit: string, ours: number, floor: number, least: number): Row {
  return { what, unit, ours, floor, target: { of: 'ratio', most: least, least: true } };
}

/** Must be at most `most`, in `unit`; the floor is shown beside it. */
export function boundRow(what: string, unit: string, ours: number, floor: number | null, most: number): Row {
  return { what, unit, ours, floor, target: { of: 'ours', most } };
}

/** Must be at most `most` above the floor, in `unit`. */
export function excessRow(what: string, unit: string, ours: number, floor: number, most: number): Row {
  return { what, unit, ours, floor, target: { of: 'excess', most } };
}

/** Informs. */
export function plainRow(what: string, unit: string, ours: number, floor: number | null): Row {
  return { what, unit, ours, floor, target: null };
}

/** What the target of a row bounds; `null` when the row has none. */
export function boundedValue({ ours, floor, target }: Row): number | null {
  switch (target?.of) {
    case undefined:
      return null;
    case 'ours':
      return ours;
    case 'ratio':
      return ours / (floor ?? Number.NaN);
    case 'excess':
      return ours - (floor ?? Number.NaN);
  }
}

/** Whether a row keeps its target; `null` when it has none. */
export function isMet(row: Row): boolean | null {
  const value = boundedValue(row);
  if (value === null || row.target === null) return null;
  return row.target.least ? value >= row.target.most : value <= row.target.most;
}

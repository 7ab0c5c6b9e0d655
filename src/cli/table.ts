import { printable } from '../model/printable.js';
import { abbreviate, displayWidth, pad } from './width.js';

/** One column of a table. The first column identifies the row. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  /** If not given, left. */
  readonly align?: 'left' | 'right';
  /** Applied to the padded cell, so that colours do not count as width. If not given, nothing. */
  readonly paint?: (row: Row, text: string) => string;
}

/** A column with its cells as text, and the width of the widest of them. */
interface Laid<Row> {
  readonly column: Column<Row>;
  readonly texts: readonly string[];
  readonly width: number;
}

/** Spaces between two columns. */
const GAP = 2;

/** Names wider than this are abbreviated before other columns are omitted. */
const MIN_NAME_WIDTH = 48;

/**
 * The lines of an aligned table, header first, none wider than `room` (Infinity without a terminal). While it does not fit, columns are omitted: those
 * titled in `spare` in that order, then from the right. Names are abbreviated in the middle; where two names would become equal, more columns are
 * omitted instead.
 */
export function table<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  room: number,
  spare: readonly string[] = [],
): string[] {
  const all = columns.map((column) => lay(column, rows));
  const [names, ...others] = fitted(all, room, spare);
  if (names === undefined) return [];
  const shown = [shorten(names, room - widthOf(others)), ...others];
  const header = shown.map(({ column, width }) => padded(column, column.title, width));
  const lines = rows.map((row, index) =>
    shown.map(({ column, texts, width }) => {
      const cell = padded(column, texts[index] ?? '', width);
      return column.paint === undefined ? cell : column.paint(row, cell);
    }),
  );
  return [header, ...lines].map((cells) => cells.join(' '.repeat(GAP)).trimEnd());
}

function lay<Row>(column: Column<Row>, rows: readonly Row[]): Laid<Row> {
  const texts = rows.map((row) => printable(column.cell(row)));
  return {
    column,
    texts,
    width: texts.reduce((most, text) => Math.max(most, displayWidth(text)), column.title.length),
  };
}

/** The columns that are shown. */
function fitted<Row>(all: readonly Laid<Row>[], room: number, spare: readonly string[]): readonly Laid<Row>[] {
  let shown = all;
  for (const title of spare) {
    if (isFitting(shown, room)) return shown;
    shown = shown.filter(({ column }) => column.title !== title);
  }
  while (shown.length > 1 && !isFitting(shown, room)) shown = shown.slice(0, -1);
  return shown;
}

function isFitting<Row>([names, ...others]: readonly Laid<Row>[], room: number): boolean {
  if (names === undefined) return true;
  const left = room - widthOf(others);
  if (names.width <= left) return true;
  return MIN_NAME_WIDTH <= left && isDistinct(names, shorten(names, left));
}

/** True when abbreviation has not made two names equal. */
function isDistinct<Row>(before: Laid<Row>, after: Laid<Row>): boolean {
  return new Set(before.texts).size === new Set(after.texts).size;
}

/** The width of these columns, each with the gap in front of it. */
function widthOf<Row>(columns: readonly Laid<Row>[]): number {
  return columns.reduce((total, { width }) => total + GAP + width, 0);
}

function shorten<Row>({ column, texts, width }: Laid<Row>, room: number): Laid<Row> {
  if (width <= room) return { column, texts, width };
  const least = Math.max(1, room);
  return { column, texts: texts.map((text) => abbreviate(text, least)), width: least };
}

function padded<Row>({ align }: Column<Row>, text: string, width: number): string {
  const cut = abbreviate(text, width);
  return align === 'right' ? ' '.repeat(width - displayWidth(cut)) + cut : pad(cut, width);
}

import { displayWidth, pad, truncate } from './width.js';

/** One column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  /** If not given, left. */
  readonly align?: 'left' | 'right';
  /** How narrow it may become on a narrow terminal; the columns further right give first. If not given, never narrower. */
  readonly least?: number;
  /** Applied to the padded cell, so that colours never count as width. If not given, nothing. */
  readonly paint?: (row: Row, text: string) => string;
}

/** Spaces between two columns. */
const GAP = 2;

/**
 * Lines of an aligned table, a header first. A table wider than `columns` is cut only in the columns that allow it;
 * pass Infinity where nobody's terminal is concerned and nothing is cut.
 */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], room: number): string[] {
  const cells = rows.map((row) => columns.map((column) => column.cell(row)));
  const widths = shrink(columns, natural(columns, cells), room);
  const line = (texts: readonly string[], row?: Row) => {
    const laid = columns.map((column, index) => lay(column, texts[index] ?? '', widths[index] ?? 0, row));
    return laid.join(' '.repeat(GAP)).trimEnd();
  };
  return [line(columns.map((column) => column.title)), ...cells.map((texts, index) => line(texts, rows[index]))];
}

/**
 * The same for a screen, where one line that is too wide spoils the rest. While it does not fit, columns are left out: those titled as `spare` says, the
 * first one first, then, once the others are as narrow as they may become, those furthest right. What is left of the first column is cut.
 */
export function fittedTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  room: number,
  spare: readonly string[],
): string[] {
  const all = natural(
    columns,
    rows.map((row) => columns.map((column) => column.cell(row))),
  );
  let fitting = columns.map((column, index) => ({ column, width: all[index] ?? 0 }));
  const widthOf = (measure: (each: { column: Column<Row>; width: number }) => number) =>
    fitting.reduce((total, each) => total + measure(each) + GAP, -GAP);
  for (const title of spare) {
    if (widthOf(({ width }) => width) <= room) break;
    fitting = fitting.filter(({ column }) => column.title !== title);
  }
  const narrowest = () => widthOf(({ column, width }) => Math.min(width, column.least ?? width));
  while (fitting.length > 1 && narrowest() > room) fitting.pop();
  const [first, ...others] = fitting.map(({ column }) => column);
  return first === undefined
    ? []
    : table([others.length === 0 ? { ...first, least: 1 } : first, ...others], rows, room);
}

function natural<Row>(columns: readonly Column<Row>[], cells: readonly string[][]): number[] {
  return columns.map((column, index) =>
    cells.reduce((most, texts) => Math.max(most, displayWidth(texts[index] ?? '')), column.title.length),
  );
}

function shrink<Row>(columns: readonly Column<Row>[], widths: number[], room: number): number[] {
  const fitted = [...widths];
  let excess = widths.reduce((sum, width) => sum + width, GAP * (widths.length - 1)) - room;
  for (let index = columns.length - 1; index >= 0 && excess > 0; index -= 1) {
    const width = fitted[index] ?? 0;
    const least = Math.min(width, columns[index]?.least ?? width);
    fitted[index] = Math.max(least, width - excess);
    excess -= width - (fitted[index] ?? 0);
  }
  return fitted;
}

function lay<Row>(column: Column<Row>, text: string, width: number, row: Row | undefined): string {
  const cut = truncate(text, width);
  const padded = column.align === 'right' ? ' '.repeat(width - displayWidth(cut)) + cut : pad(cut, width);
  return row === undefined || column.paint === undefined ? padded : column.paint(row, padded);
}

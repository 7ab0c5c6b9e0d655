import { boundedValue, isMet, type Row, type Target } from './measurement.js';

/** The rows as a table for a terminal. */
export function tableOf(rows: readonly Row[]): string {
  const cells = [HEAD, ...rows.map(cellsOf)];
  const widths = HEAD.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  return cells.map((row) => row.map((cell, column) => padded(cell, widths[column] ?? 0, column)).join('  ')).join('\n');
}

const HEAD = ['what', 'ours', 'floor', 'ratio', 'target', ''];

/** Words to the left, numbers to the right. */
function padded(cell: string, width: number, column: number): string {
  return column === 0 || column > 3 ? cell.padEnd(width) : cell.padStart(width);
}

function cellsOf(row: Row): string[] {
  const { what, unit, ours, floor, target } = row;
  const ratio = floor === null || floor === 0 ? '' : (ours / floor).toFixed(2);
  return [
    what,
    figure(ours, unit),
    floor === null ? '' : figure(floor, unit),
    ratio,
    targetOf(target, unit),
    verdict(row),
  ];
}

function targetOf(target: Target | null, unit: string): string {
  switch (target?.of) {
    case undefined:
      return '';
    case 'ours':
      return `<= ${target.most} ${unit}`;
    case 'ratio':
      return `${target.least ? '>=' : '<='} ${target.most} x floor`;
    case 'excess':
      return `<= floor + ${target.most} ${unit}`;
  }
}

function verdict(row: Row): string {
  const met = isMet(row);
  if (met === null) return '';
  return met ? 'met' : `missed${byHowMuch(boundedValue(row) ?? 0, row.target?.most ?? 0)}`;
}

function byHowMuch(value: number, most: number): string {
  return most === 0 ? '' : ` by ${Math.round(Math.abs(value / most - 1) * 100)} %`;
}

function figure(value: number, unit: string): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${unit}`;
}

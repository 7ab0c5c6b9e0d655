import { boundedValue, isMet, type Row, type Target } from './measurement.js';

/** The rows as a table for a terminal, with a column for each other supervisor that a row compares with. */
export function tableOf(rows: readonly Row[]): string {
  const peers = [...new Set(rows.flatMap((row) => Object.keys(row.peers ?? {})))];
  const head = [...HEAD, ...peers];
  const cells = [head, ...rows.map((row) => [...cellsOf(row), ...peers.map((peer) => peerCell(row, peer))])];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
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

/** The figure, and how many times the floor it is. */
function peerCell({ unit, floor, peers }: Row, peer: string): string {
  const value = peers?.[peer];
  if (value === undefined) return '';
  if (value === null) return 'not installed';
  const ratio = floor === null || floor === 0 ? '' : `, ${(value / floor).toFixed(2)} x`;
  return `${figure(value, unit)}${ratio}`;
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

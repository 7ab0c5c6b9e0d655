import { fieldPath, type Problem } from './problem.js';

/*
 * A spec may come from a file, the wire, or a program with proxies and getters. Before validation every field is read once into plain data, so that the
 * validated data cannot change, throw or be endless. An unreadable value becomes a symbol: no field allows one, and the problem shows its description.
 */

/** Plain fields without a prototype. */
export type Fields = Record<string, unknown>;

/** The state of reading one input. */
export interface Reading {
  readonly problems: Problem[];
  /** How many more values may be read. An object that occurs in many places is read once for each. */
  left: number;
}

/** The most values of one input. */
export const MAX_VALUES = 2_000_000;

/** Why `key` is not a valid name, as a rule; `null` when it is valid. */
function nameProblem(key: string): string | null {
  return key in Object.prototype || key === 'prototype'
    ? 'must not have the name of something that every object has'
    : null;
}

/**
 * The fields of `value`, each read once; those named in `kept` are returned unread. `null` when it is not a plain object. Forbidden names, and more
 * values than may be read, are added to the problems. Never throws.
 */
export function readFields(value: unknown, kept: ReadonlySet<string>, path: string, reading: Reading): Fields | null {
  try {
    if (!isPlain(value)) return null;
    const fields: Fields = Object.create(null);
    for (const key of namesOf(value)) {
      const at = fieldPath(path, key);
      const forbidden = nameProblem(key);
      if (forbidden !== null) reading.problems.push({ path: at, rule: forbidden, got: undefined });
      else fields[key] = kept.has(key) ? read(value, key) : copy(read(value, key), key, at, 0, reading);
    }
    return fields;
  } catch {
    return null;
  }
}

/** The entries of a list, at most `limit`; `null` when it is not a list. Never throws. */
export function readList(value: unknown, limit: number): unknown[] | null {
  try {
    if (!Array.isArray(value)) return null;
    const length = Math.min(value.length, limit);
    return Array.from({ length }, (_, index) => read(value, index));
  } catch {
    return null;
  }
}

function copy(value: unknown, key: string, path: string, depth: number, reading: Reading): unknown {
  if (--reading.left < 0) return tooMuch(path, reading);
  if (typeof value === 'function') return Symbol('(function)');
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) return Symbol('(nested too deep)');
  try {
    if (Array.isArray(value)) return copyList(value, key, path, depth, reading);
    if (key === 'pattern' && path.endsWith('readiness.pattern') && isRegExp(value)) return ANY_PATTERN;
    if (!isPlain(value)) return Symbol('(not a plain object)');
    return copyObject(value, path, depth, reading);
  } catch {
    return UNREADABLE;
  }
}

/** A list at the place of an object is replaced by a symbol: schemas of objects and records would accept a list. */
function copyList(value: readonly unknown[], key: string, path: string, depth: number, reading: Reading): unknown {
  if (!LISTS.has(key)) return Symbol('(a list)');
  if (value.length > MAX_ENTRIES) {
    reading.problems.push({ path, rule: TOO_MANY, got: value.length });
    return [read(value, 0)];
  }
  return Array.from(value, (_, i) => copy(read(value, i), '', fieldPath(path, i), depth + 1, reading));
}

function copyObject(value: object, path: string, depth: number, reading: Reading): Fields {
  const names = namesOf(value);
  const fields: Fields = Object.create(null);
  if (names.length > MAX_ENTRIES) {
    reading.problems.push({ path, rule: TOO_MANY, got: names.length });
    return fields;
  }
  for (const key of names) {
    if (reading.left < 0) break;
    const at = fieldPath(path, key);
    const forbidden = nameProblem(key);
    if (forbidden !== null) reading.problems.push({ path: at, rule: forbidden, got: undefined });
    else fields[key] = copy(read(value, key), key, at, depth + 1, reading);
  }
  return fields;
}

/** Reported once; the rest of the input is not read. */
function tooMuch(path: string, reading: Reading): symbol {
  if (reading.left === -1) {
    reading.problems.push({ path, rule: `must be one of the first ${MAX_VALUES} values of the input`, got: undefined });
  }
  return Symbol('(not read)');
}

/** Plain: made by a literal, by a parser, or without a prototype; also in another realm. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Also of another realm. */
function isRegExp(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object RegExp]';
}

/** Includes inherited names, because later readers of the spec would see them. */
function namesOf(value: object): string[] {
  const names: string[] = [];
  for (const key in value) names.push(key);
  return names;
}

function read(value: object, key: string | number): unknown {
  try {
    return Reflect.get(value, key);
  } catch {
    return UNREADABLE;
  }
}

/** A program may give a RegExp as a pattern. It is valid already, so this pattern replaces it during validation. */
const ANY_PATTERN = '(?:)';
const UNREADABLE = Symbol('(cannot be read)');
const LISTS: ReadonlySet<string> = new Set([
  'command',
  'ports',
  'successCodes',
  'after',
  'inherit',
  'unset',
  'beforeStart',
  'afterEnd',
]);
const MAX_ENTRIES = 10_000;
/** Reported once for a list; its further entries are not read. */
const TOO_MANY = `must have at most ${MAX_ENTRIES} entries`;
const MAX_DEPTH = 8;

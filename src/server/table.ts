import * as v from 'valibot';
import { type Problem, shown } from '../model/problem.js';

/** The problem of one field, its path below `at`; `whole` names the table when `at` is empty and the table itself is wrong. */
export function problemOf(issue: v.BaseIssue<unknown>, at: string, whole: string): Problem {
  const path = [at, v.getDotPath(issue) ?? ''].filter((part) => part !== '').join('.');
  // For an unknown key valibot's input is the key, which is the end of the path already; the value is in the path.
  const got = isUnknownKey(issue) ? issue.path?.at(-1)?.value : issue.input;
  return { path: path === '' ? whole : path, rule: issue.message, got: shown(got) };
}

/** True for an issue about an unknown key. */
export function isUnknownKey(issue: v.BaseIssue<unknown>): boolean {
  return issue.type === 'strict_object' && issue.expected === 'never';
}

/** The rule of a table: wrong as a whole, with an unknown key, or with a missing one. */
export function tableRule(table: string): (issue: v.StrictObjectIssue) => string {
  return (issue) =>
    issue.expected === 'never' ? 'is not a setting' : issue.expected === 'Object' ? table : 'is missing';
}

/** The table with its keys, and those of nested tables, in camelCase; they may be written with underscores. */
export function camelKeys(given: unknown): unknown {
  if (Array.isArray(given)) return given.map(camelKeys);
  if (typeof given !== 'object' || given === null) return given;
  return Object.fromEntries(Object.entries(given).map(([key, value]) => [camelCase(key), camelKeys(value)]));
}

/** `max_restarts` as `maxRestarts`. */
export function camelCase(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

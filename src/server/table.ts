import * as v from 'valibot';
import { type Problem, shown } from '../model/problem.js';

/** What is wrong with one field, its path below `at`; `whole` names the table when `at` is empty and the table itself is wrong. */
export function problemOf(issue: v.BaseIssue<unknown>, at: string, whole: string): Problem {
  const path = [at, v.getDotPath(issue) ?? ''].filter((part) => part !== '').join('.');
  // Of a key that must not be there valibot gives the key, which is the end of the path already.
  const got = isUnknownKey(issue) ? issue.path?.at(-1)?.value : issue.input;
  return { path: path === '' ? whole : path, rule: issue.message, got: shown(got) };
}

/** True for a key that must not be there. */
export function isUnknownKey(issue: v.BaseIssue<unknown>): boolean {
  return issue.type === 'strict_object' && issue.expected === 'never';
}

/** The message of a table: refused for what it is, or for a key that it must not have. */
export function tableRule(table: string): (issue: v.StrictObjectIssue) => string {
  return (issue) =>
    issue.expected === 'never' ? 'is not a setting' : issue.expected === 'Object' ? table : 'is missing';
}

/** The table with keys in camelCase, and the tables in it as well; they may be written with underscores. */
export function camelKeys(given: unknown): unknown {
  if (Array.isArray(given)) return given.map(camelKeys);
  if (typeof given !== 'object' || given === null) return given;
  return Object.fromEntries(Object.entries(given).map(([key, value]) => [camelCase(key), camelKeys(value)]));
}

/** `max_restarts` as `maxRestarts`. */
export function camelCase(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

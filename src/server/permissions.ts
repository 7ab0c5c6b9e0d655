import { chmodSync, lstatSync, readlinkSync, type Stats } from 'node:fs';
import { resolve } from 'node:path';
import { SupertreeError } from '../errors.js';
import { pathProblem } from '../model/path-owner.js';

/** Every permission of group and others. */
export const OTHERS = 0o077;

const OTHERS_WRITE = 0o022;

/** True for what belongs to this user, or to root, who may do everything anyway. */
export function isOurs({ uid }: Stats): boolean {
  return uid === process.geteuid?.() || uid === 0;
}

/**
 * Why somebody else than this user or root could put something else at this path, in words; `null` when nobody could, and on a system without
 * users. Throws what the system says.
 */
export function placeProblem(path: string): string | null {
  const user = process.geteuid?.();
  if (user === undefined) return null;
  return pathProblem(resolve(path), new Set([0, user]), { lstat: lstatSync, readlink: readlinkSync });
}

/**
 * Gives what this user owns the mode `mode`, at a path where nobody else can put a link (see `placeProblem`). What belongs to somebody else, and a
 * link, is left alone.
 */
export function makePrivate(path: string, mode: number): void {
  const stats = lstatSync(path);
  if ((stats.mode & 0o777) === mode || stats.isSymbolicLink() || stats.uid !== process.geteuid?.()) return;
  chmodSync(path, mode);
}

/** Throws KEY_FILE for a file that gives roles when somebody else could give himself some in it. */
export function refuseForeign(file: string, stats: Stats): void {
  const rule = !isOurs(stats)
    ? 'gives roles and belongs to somebody else'
    : (stats.mode & OTHERS_WRITE) !== 0
      ? `gives roles and may be written by others; run chmod go-w ${file}`
      : null;
  if (rule !== null) throw new SupertreeError('KEY_FILE', { file, rule });
  refusePlace(file);
}

/** Throws KEY_FILE for the path of a key when somebody else could put another file there. */
export function refusePlace(file: string): void {
  const problem = placeProblem(file);
  if (problem !== null) throw new SupertreeError('KEY_FILE', { file, rule: `is not safe where it is: ${problem}` });
}

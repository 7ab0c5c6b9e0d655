import { chmodSync, lstatSync, readlinkSync, type Stats } from 'node:fs';
import { resolve } from 'node:path';
import { SupertreeError } from '../errors.js';
import { pathProblem } from '../model/path-owner.js';

/** Every permission of group and others. */
export const OTHERS = 0o077;

const OTHERS_WRITE = 0o022;

/** True for a file of this user or of root, who may do everything anyway. */
export function isOurs({ uid }: Stats): boolean {
  return uid === process.geteuid?.() || uid === 0;
}

/**
 * Why another user, except root, could replace the file at this path, as text; `null` when none could, and on a system without users. Throws the
 * system's error.
 */
export function placeProblem(path: string): string | null {
  const user = process.geteuid?.();
  if (user === undefined) return null;
  return pathProblem(resolve(path), new Set([0, user]), { lstat: lstatSync, readlink: readlinkSync });
}

/**
 * Gives a file of this user the mode `mode`, at a path where no other user can make a link (see `placeProblem`). Files of other users and links are
 * left alone.
 */
export function makePrivate(path: string, mode: number): void {
  const stats = lstatSync(path);
  if ((stats.mode & 0o777) === mode || stats.isSymbolicLink() || stats.uid !== process.geteuid?.()) return;
  chmodSync(path, mode);
}

/** Throws KEY_FILE for a file that grants roles when another user could write it. */
export function refuseForeign(file: string, stats: Stats): void {
  const rule = !isOurs(stats)
    ? 'gives roles and belongs to another user'
    : (stats.mode & OTHERS_WRITE) !== 0
      ? `gives roles and may be written by others; run chmod go-w ${file}`
      : null;
  if (rule !== null) throw new SupertreeError('KEY_FILE', { file, rule });
  refusePlace(file);
}

/** Throws KEY_FILE for a key file when another user could replace it. */
export function refusePlace(file: string): void {
  const problem = placeProblem(file);
  if (problem !== null) throw new SupertreeError('KEY_FILE', { file, rule: `is not safe where it is: ${problem}` });
}

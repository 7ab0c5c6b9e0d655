import type { Stats } from 'node:fs';
import { SupertreeError } from '../errors.js';

/** Every permission of group and others. */
export const OTHERS = 0o077;

const OTHERS_WRITE = 0o022;

/** True for what belongs to this user, or to root, who may do everything anyway. */
export function isOurs({ uid }: Stats): boolean {
  return uid === process.getuid?.() || uid === 0;
}

/** Throws KEY_FILE for a file that gives roles when somebody else could give himself some in it. */
export function refuseForeign(file: string, stats: Stats): void {
  const rule = !isOurs(stats)
    ? 'gives roles and belongs to somebody else'
    : (stats.mode & OTHERS_WRITE) !== 0
      ? `gives roles and may be written by others; run chmod go-w ${file}`
      : null;
  if (rule !== null) throw new SupertreeError('KEY_FILE', { file, rule });
}

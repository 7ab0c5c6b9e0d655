import { chmodSync, lstatSync, mkdirSync, readlinkSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { messageOf, SupertreeError } from '../../errors.js';
import { pathProblem } from '../../model/path-owner.js';
import { userDirectory } from '../../model/user-directory.js';

/**
 * Returns the directory that only this user can write, and makes it if it is missing. Throws DIRECTORY_UNUSABLE when another user owns it or could
 * replace it, when it is a link or no directory, and when it cannot be made.
 */
export function privateDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const directory = directoryOf(env);
  try {
    makePrivateDirectory(directory);
    const problem = problemOf(directory);
    if (problem !== null) throw new Error(problem);
    return directory;
  } catch (thrown) {
    throw new SupertreeError('DIRECTORY_UNUSABLE', { directory, problem: messageOf(thrown) }, thrown);
  }
}

function directoryOf(env: NodeJS.ProcessEnv): string {
  const places = { runtime: env.XDG_RUNTIME_DIR, temporary: tmpdir(), user: process.geteuid?.() };
  return userDirectory(places, (path) => statSync(path).uid);
}

/** Makes a directory that only this user may use. Does nothing if the path exists. */
export function makePrivateDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
  }
}

/** The check of the directory itself is stricter than that of the directories above it: it must be no link, and others must not write it, sticky or not. */
function problemOf(directory: string): string | null {
  const stats = lstatSync(directory);
  if (stats.isSymbolicLink()) return 'it is a symbolic link';
  if (!stats.isDirectory()) return 'it is not a directory';
  const user = process.geteuid?.();
  if (user === undefined) return null;
  const problem = pathProblem(directory, new Set([0, user]), { lstat: lstatSync, readlink: readlinkSync });
  if (problem !== null) return problem;
  if (stats.uid !== user) return `it belongs to user ${stats.uid}`;
  if ((stats.mode & OTHERS_WRITE) !== 0) return 'others may write it';
  if ((stats.mode & OTHERS) !== 0) chmodSync(directory, 0o700);
  return null;
}

const OTHERS = 0o077;
const OTHERS_WRITE = 0o022;

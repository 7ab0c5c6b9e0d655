/** The status of one path, without following a link. */
export interface PathFacts {
  readonly uid: number;
  readonly mode: number;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

/** Reads the file system. Both throw the system's error. */
export interface PathReader {
  lstat(path: string): PathFacts;
  readlink(path: string): string;
}

/** The user ids that may own the components of a path; `null` for any. */
export type Owners = ReadonlySet<number> | null;

/** The most links that Linux follows (path_resolution(7)). */
const MAX_LINKS = 40;

const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;

/**
 * Why a user other than `owners` could replace the file at an absolute path, as text; `null` when none could. Every directory and link on the way,
 * through links too, and the file itself must belong to one of the owners. A directory that others may write is accepted when it is sticky: in it no
 * user can replace files of another. A missing file is judged by the directory that it would be made in. Throws the errors of `read`, except ENOENT
 * and ENOTDIR.
 */
export function pathProblem(path: string, owners: Owners, read: PathReader): string | null {
  const pending = path.split('/').reverse();
  let at = '';
  for (let links = 0; ; ) {
    const part = pending.pop();
    if (part === undefined) return null;
    if (part === '..') at = at.slice(0, Math.max(0, at.lastIndexOf('/')));
    if (part === '.' || part === '..') continue;
    // The first part is empty: the root directory.
    const here = part === '' ? at : `${at}/${part}`;
    const facts = look(here === '' ? '/' : here, read);
    if (facts === null) return null;
    const problem = problemOf(here === '' ? '/' : here, facts, owners);
    if (problem !== null) return problem;
    if (!facts.isSymbolicLink()) {
      at = here;
      continue;
    }
    if (++links > MAX_LINKS) return `${path} has too many symbolic links`;
    const target = read.readlink(here);
    if (target.startsWith('/')) at = '';
    pending.push(...target.split('/').reverse());
  }
}

function problemOf(path: string, facts: PathFacts, owners: Owners): string | null {
  const { uid, mode } = facts;
  if (owners !== null && !owners.has(uid)) return `${path} belongs to user ${uid}`;
  if (!facts.isDirectory() || (mode & OTHERS_WRITE) === 0 || (mode & STICKY) !== 0) return null;
  return `the directory ${path} may be written by others (chmod go-w ${path})`;
}

function look(path: string, read: PathReader): PathFacts | null {
  try {
    return read.lstat(path);
  } catch (thrown) {
    const { code } = thrown as { readonly code?: unknown };
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw thrown;
  }
}

/** The user of a program, and the places where directories of that user may be. */
export interface UserPlaces {
  /** The value of XDG_RUNTIME_DIR. */
  readonly runtime: string | undefined;
  /** The directory of temporary files. */
  readonly temporary: string;
  /** The user id; `undefined` on a system without users. */
  readonly user: number | undefined;
}

/**
 * The directory of a user for sockets and locks: below the runtime directory if that is an absolute path and belongs to the user (a program that switches to
 * another user still has the variable of the first one), otherwise below the temporary directory. `ownerOf` returns the user id of the owner of a path and
 * may throw errors of the system.
 */
export function userDirectory({ runtime, temporary, user }: UserPlaces, ownerOf: (path: string) => number): string {
  if (runtime?.startsWith('/') && isOwn(runtime, user, ownerOf)) return `${runtime.replace(/\/+$/, '')}/supertree`;
  return `${temporary.replace(/\/+$/, '')}/supertree-${user ?? 'user'}`;
}

function isOwn(path: string, user: number | undefined, ownerOf: (path: string) => number): boolean {
  try {
    const owner = ownerOf(path);
    return user === undefined || owner === user;
  } catch {
    return false;
  }
}

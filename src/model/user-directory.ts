/** What a program knows of its user. */
export interface UserPlaces {
  /** The value of XDG_RUNTIME_DIR. */
  readonly runtime: string | undefined;
  /** The directory of temporary files. */
  readonly temporary: string;
  /** The user; `undefined` on a system without users. */
  readonly user: number | undefined;
}

/**
 * The directory of a user's own for sockets: below the runtime directory, when that is an absolute path and belongs to the user (programs that become
 * another user inherit it); else one below the temporary directory. `ownerOf` says whom a path belongs to, and may throw what the system says.
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

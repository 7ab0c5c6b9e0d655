import { constants } from 'node:os';

/** The name of an errno: `ENOEXEC`. Node's `getSystemErrorName` knows only those that its own calls return. */
export function errorName(errno: number): string {
  return NAMES.get(errno) ?? `errno ${errno}`;
}

/** Of several names for a number, the first: EWOULDBLOCK comes after EAGAIN. */
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno)
    .reverse()
    .map(([name, errno]) => [errno, name]),
);

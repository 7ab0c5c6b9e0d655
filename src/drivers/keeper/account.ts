import { readFileSync } from 'node:fs';

/** One line of passwd(5). */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

/** The account of that name or uid in /etc/passwd. For a uid without one, an account that has nothing else; `null` for a name without one. */
export function accountOf(user: string | number): Account | null {
  const fields = entryOf('/etc/passwd', user);
  if (fields !== undefined) {
    const [name = '', , uid, gid, , home = '', shell = ''] = fields;
    return { name, uid: Number(uid), gid: Number(gid), home, shell };
  }
  return typeof user === 'number' ? { name: String(user), uid: user, gid: user, home: '/', shell: '/bin/sh' } : null;
}

/** The gid of that name in /etc/group, or the gid itself; `null` for a name that is not there. */
export function groupIdOf(group: string | number): number | null {
  if (typeof group === 'number') return group;
  const gid = entryOf('/etc/group', group)?.[2];
  return gid === undefined ? null : Number(gid);
}

/** The fields of the line with that name, or with that number in its third field. */
function entryOf(file: string, key: string | number): string[] | undefined {
  const at = typeof key === 'number' ? 2 : 0;
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.map((line) => line.split(':')).find((fields) => fields.length > 3 && fields[at] === String(key));
}

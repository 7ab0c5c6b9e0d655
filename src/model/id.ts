/** Ids of agents and supervisors: unique among siblings, never an integer and never the name of an inherited property. */
const ID = /^[A-Za-z][\w.-]*$/;

/** The longest id that is accepted, in characters. */
export const MAX_ID_LENGTH = 128;

/** Why `id` is not a valid id, as a rule that ends a sentence; `null` when it is valid. */
export function idProblem(id: string): string | null {
  if (!ID.test(id)) return 'must match ^[A-Za-z][\\w.-]*$';
  if (id.includes('..')) return 'must not contain ".."';
  if (id.length > MAX_ID_LENGTH) return `must have at most ${MAX_ID_LENGTH} characters`;
  return id in Object.prototype ? 'must not be a name that every object has' : null;
}

/** True for the ids that pools assign; no other agent can have one. */
export function isInstanceId(id: string): boolean {
  return /^\d+$/.test(id);
}

/** The path of a child: `root/web/2`. */
export function joinPath(parent: string, id: string): string {
  return `${parent}/${id}`;
}

/** The last part of a path. */
export function idOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The path without its last part; `null` for a root. */
export function parentOf(path: string): string | null {
  const cut = path.lastIndexOf('/');
  return cut < 0 ? null : path.slice(0, cut);
}

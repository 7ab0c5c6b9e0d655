import { checked, declare } from './libc.js';

const prctl = declare('int prctl(int option, ulong a, ulong b, ulong c, ulong d)');

/** PR_SET_CHILD_SUBREAPER of prctl(2). */
const SET_CHILD_SUBREAPER = 36;

/** Every orphan among the descendants of this process becomes its child from now on. Throws KEEPER_UNAVAILABLE where prctl(2) is refused. */
export function becomeSubreaper(): void {
  checked('prctl(PR_SET_CHILD_SUBREAPER)', prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0));
}

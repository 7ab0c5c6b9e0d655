import { addressOf, checked, declare } from './libc.js';

const prctl = declare('int prctl(int option, ulong a, ulong b, ulong c, ulong d)');

/** PR_SET_CHILD_SUBREAPER and PR_GET_CHILD_SUBREAPER of prctl(2). */
const SET_CHILD_SUBREAPER = 36;
const GET_CHILD_SUBREAPER = 37;

/** Every orphan among the descendants of this process becomes its child from now on. Throws KEEPER_UNAVAILABLE where prctl(2) is refused. */
export function becomeSubreaper(): void {
  checked('prctl(PR_SET_CHILD_SUBREAPER)', prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0));
}

/** Whether orphans among the descendants of this process become its children, by this call or by an earlier one, which outlives execve(2). */
export function isSubreaper(): boolean {
  const found = new Int32Array(1);
  const address = addressOf(new Uint8Array(found.buffer));
  return prctl(GET_CHILD_SUBREAPER, address, 0, 0, 0) === 0 && found[0] === 1;
}

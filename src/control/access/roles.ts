import { SupertreeError } from '../../errors.js';
import type { Role } from '../../protocol/operations.js';

/** Roles for one subtree. */
export interface Grant {
  readonly roles: readonly Role[];
  /** A path, compared by whole segments. */
  readonly subtree: string;
}

/** The sender of requests. */
export interface Peer {
  /** The name of its key; `local` for a socket without keys. Only for the audit log: names are chosen freely. */
  readonly name: string;
  /** Its public key in Z85. If not given, it has none. */
  readonly publicKey?: string;
  /** `null` for all roles on the whole tree. */
  readonly grants: readonly Grant[] | null;
}

/** A peer of a socket without keys, which the mode of its file or the loopback protects. */
export const LOCAL: Peer = { name: 'local', grants: null };

/** A peer of a socket without keys that other machines can reach. */
export const ANYONE: Peer = { name: 'anyone', grants: null };

/** A peer of a socket with keys that did not prove its key. */
export const UNPROVEN: Peer = { name: 'unproven', grants: [] };

/** True when the peer has the role for a path. */
export function may({ grants }: Peer, role: Role, path: string): boolean {
  return grants === null || grants.some((grant) => grant.roles.includes(role) && covers(grant.subtree, path));
}

/** True when the peer has at least one role for a path. Every other path is hidden from the peer: requests that name it are answered as not found. */
export function knows({ grants }: Peer, path: string): boolean {
  return grants === null || grants.some((grant) => covers(grant.subtree, path));
}

/**
 * Throws FORBIDDEN, with the needed role and subtree, when the peer lacks the role for a path that it knows. Unknown paths must be rejected before, as not
 * found.
 */
export function authorize(peer: Peer, need: Role, path: string): void {
  if (!may(peer, need, path)) throw new SupertreeError('FORBIDDEN', { role: need, subtree: path });
}

/** True for the root of the subtree and for every path below it. */
export function covers(subtree: string, path: string): boolean {
  return path === subtree || path.startsWith(`${subtree}/`);
}

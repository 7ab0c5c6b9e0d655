import { SupertreeError } from '../../errors.js';
import type { Role } from '../../protocol/operations.js';

/** Roles for one supervisor or agent and everything below it. */
export interface Grant {
  readonly roles: readonly Role[];
  /** A path, compared by whole segments. */
  readonly subtree: string;
}

/** Who sent a request. */
export interface Peer {
  /** The name of its key; `local` for a socket without keys. For the audit log: keys may be named at will. */
  readonly name: string;
  /** The public half of its key in Z85. If not given, it came without one. */
  readonly publicKey?: string;
  /** `null` for everything. */
  readonly grants: readonly Grant[] | null;
}

/** A peer of a socket without keys, which is protected by the mode of its file, or by being on the loopback. */
export const LOCAL: Peer = { name: 'local', grants: null };

/** A peer of a socket without keys that other machines can reach. */
export const ANYONE: Peer = { name: 'anyone', grants: null };

/** A peer of a socket with keys that did not prove which one is its own. */
export const UNPROVEN: Peer = { name: 'unproven', grants: [] };

/** True when the peer has the role for a path. */
export function may({ grants }: Peer, role: Role, path: string): boolean {
  return grants === null || grants.some((grant) => grant.roles.includes(role) && covers(grant.subtree, path));
}

/** True when the peer has any role for a path. For a peer that does not know it, it does not exist. */
export function knows({ grants }: Peer, path: string): boolean {
  return grants === null || grants.some((grant) => covers(grant.subtree, path));
}

/**
 * Throws FORBIDDEN, with the role and the subtree that are needed, when the peer lacks the role for a path that it knows. What it
 * does not know must be told apart before, as not found.
 */
export function authorize(peer: Peer, need: Role, path: string): void {
  if (!may(peer, need, path)) throw new SupertreeError('FORBIDDEN', { role: need, subtree: path });
}

/** True for the path of the subtree itself and for every path below it. */
export function covers(subtree: string, path: string): boolean {
  return path === subtree || path.startsWith(`${subtree}/`);
}

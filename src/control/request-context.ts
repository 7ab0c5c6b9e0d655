import type { SupertreeError } from '../errors.js';
import { LOCAL, type Peer } from './access/roles.js';

/** How a request came. */
export interface RequestContext {
  /** Who sent it. */
  readonly peer: Peer;
  /** The connection that it came by, for fairness between those that have no key: the same for all that has the same routing id. */
  readonly connection: string;
  /** The endpoint of ours that it came by, as it is bound. */
  readonly endpoint: string;
  /** When, on the clock of `performance.now()`. */
  readonly receivedAt: number;
  /** The limit that forbids to do it, `null` when there is none: then it is answered with that. */
  readonly refused: SupertreeError | null;
}

/** The context of a request that came by no socket: from this process, at this moment. */
export function localContext(): RequestContext {
  return { peer: LOCAL, connection: '', endpoint: IN_PROCESS_ENDPOINT, receivedAt: performance.now(), refused: null };
}

/** Where requests come in that come by no socket. */
export const IN_PROCESS_ENDPOINT = 'inproc://supertree';

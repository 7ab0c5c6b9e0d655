import type { SupertreeError } from '../errors.js';
import { LOCAL, type Peer } from './access/roles.js';

/** The origin of a request. */
export interface RequestContext {
  /** The sender. */
  readonly peer: Peer;
  /** The connection, for fairness among peers without keys: the same for every request with the same routing id. */
  readonly connection: string;
  /** The bound endpoint that received it. */
  readonly endpoint: string;
  /** The time of arrival, on the clock of `performance.now()`. */
  readonly receivedAt: number;
  /** The exceeded limit, which is then the answer; `null` when there is none. */
  readonly refused: SupertreeError | null;
}

/** The context of a request without a socket: from this process, now. */
export function localContext(): RequestContext {
  return { peer: LOCAL, connection: '', endpoint: IN_PROCESS_ENDPOINT, receivedAt: performance.now(), refused: null };
}

/** The endpoint of requests without a socket. */
export const IN_PROCESS_ENDPOINT = 'inproc://supertree';

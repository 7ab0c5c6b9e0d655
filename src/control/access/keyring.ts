import { timingSafeEqual } from 'node:crypto';
import { expectedTicket, KEY_LENGTH, PROOF_LENGTH, publicKeyOf } from '../../protocol/curve.js';
import { type Grant, may, type Peer, UNPROVEN } from './roles.js';

/** One key that a server knows. */
export interface KnownKey extends Peer {
  readonly grants: readonly Grant[];
  readonly publicKey: string;
}

interface Entry {
  readonly key: KnownKey;
  readonly ticket: Buffer;
}

/** The keys of one server: its own, and the known keys of clients. */
export class Keyring {
  readonly secretKey: string;
  readonly publicKey: string;
  readonly #root: string;
  readonly #entries: ReadonlyMap<string, Entry>;

  /** `root` is the path of the tree's root. Throws KEY_INVALID. */
  constructor(secretKey: string, root: string, keys: readonly KnownKey[]) {
    this.secretKey = secretKey;
    this.publicKey = publicKeyOf(secretKey);
    this.#root = root;
    const entryOf = (key: KnownKey) => ({ key, ticket: Buffer.from(expectedTicket(secretKey, key.publicKey)) });
    this.#entries = new Map(keys.map((key) => [key.publicKey, entryOf(key)]));
  }

  /** The key with this public key; `null` for an unknown one. */
  find(publicKey: string): KnownKey | null {
    return this.#entries.get(publicKey)?.key ?? null;
  }

  /** True when a key may subscribe: published data is not divided by subtree, so it must observe the whole tree. */
  mayFollow(key: KnownKey): boolean {
    return may(key, 'observe', this.#root);
  }

  /** The peer of a routing id: a ticket (see `clientTicket`), a dot, and a part that is unique to the connection. Any other routing id is `UNPROVEN`. */
  peerOf(routingId: Buffer): Peer {
    const entry = this.#entries.get(routingId.toString('latin1', 0, KEY_LENGTH));
    if (entry === undefined || routingId.length <= TICKET_LENGTH + 1 || routingId[TICKET_LENGTH] !== DOT)
      return UNPROVEN;
    return timingSafeEqual(entry.ticket, routingId.subarray(0, TICKET_LENGTH)) ? entry.key : UNPROVEN;
  }
}

const TICKET_LENGTH = KEY_LENGTH + 1 + PROOF_LENGTH;
const DOT = '.'.charCodeAt(0);

import type { Dealer, Subscriber } from 'zeromq';
import { SupertreeError } from '../errors.js';
import { clientTicket, type KeyPair, publicKeyOf } from '../protocol/curve.js';

/** The keys for a server that uses CURVE. */
export interface ClientSecurity {
  /** The public key of the server, in Z85. */
  readonly serverKey: string;
  readonly keys: KeyPair;
}

/** True for errors that another attempt to connect would meet again. */
export function isRefusal(error: SupertreeError | null): boolean {
  return error !== null && REFUSALS.has(error.code);
}

const REFUSALS: ReadonlySet<string> = new Set(['KEY_REFUSED', 'ENDPOINT_FOREIGN', 'ENDPOINT_UNUSABLE']);

/** Socket options of CURVE. */
export interface CurveClientOptions {
  readonly curveServerKey: string;
  readonly curvePublicKey: string;
  readonly curveSecretKey: string;
}

/** The socket options for one endpoint: those of CURVE for tcp; none without keys, and none for ipc, which has no keys. Throws KEY_INVALID. */
export function curveClient(
  endpoint: string,
  security: ClientSecurity | null,
): CurveClientOptions | Record<string, never> {
  if (security === null || endpoint.startsWith('ipc://')) return {};
  const { serverKey, keys } = security;
  if (publicKeyOf(keys.secretKey) !== keys.publicKey) {
    throw new SupertreeError('KEY_INVALID', { which: 'The public key', rule: 'must belong to the secret key' });
  }
  return { curveServerKey: serverKey, curvePublicKey: keys.publicKey, curveSecretKey: keys.secretKey };
}

/** The routing id that proves the key of a client (see `clientTicket`); `null` without keys and for ipc. */
export function provenRoutingId(endpoint: string, security: ClientSecurity | null, unique: string): string | null {
  if (security === null || endpoint.startsWith('ipc://')) return null;
  return `${clientTicket(security.keys.secretKey, security.serverKey)}.${unique}`;
}

/**
 * Calls `refused` when the CURVE handshake fails: with KEY_REFUSED when the server says so; with a NO_SERVER that mentions keys when the server only
 * breaks off, which a wrong server key causes, but the end of a server too. libzmq itself would retry for ever.
 */
export function watchHandshake(
  socket: Dealer | Subscriber,
  endpoint: string,
  security: ClientSecurity | null,
  refused: (error: SupertreeError) => void,
): void {
  if (endpoint.startsWith('ipc://')) return;
  const tell = (reason: string) => refused(new SupertreeError('KEY_REFUSED', { endpoint, reason }));
  const keyed = security !== null;
  socket.events.on('handshake:error:auth', () => tell('it does not know the key, or the key may not do this'));
  socket.events.on('handshake:error:protocol', () =>
    tell(keyed ? 'it has no keys, and a key was given' : 'it asks for keys'),
  );
  const perhaps = keyed ? 'perhaps the server key is not its own, or it has no keys' : 'perhaps it asks for keys';
  const hint = `${endpoint} (something there broke off the handshake: ${perhaps})`;
  socket.events.on('handshake:error:other', () => refused(new SupertreeError('NO_SERVER', { endpoint: hint })));
}

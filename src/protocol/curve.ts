import { createHmac, createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';
import { curveKeyPair } from 'zeromq';
import { SupertreeError } from '../errors.js';

/** A key pair of CurveZMQ (RFC 26), each half 40 characters of Z85 (RFC 32). */
export interface KeyPair {
  readonly publicKey: string;
  readonly secretKey: string;
}

/** The length of a key in Z85. */
export const KEY_LENGTH = 40;

/** The length of the proof in a ticket. */
export const PROOF_LENGTH = 43;

export function newKeyPair(): KeyPair {
  return curveKeyPair();
}

/** True for 40 characters that are 32 bytes in Z85. */
export function isKey(text: string): boolean {
  return text.length === KEY_LENGTH && decodeZ85(text) !== null;
}

/** The public half of a secret key. Throws KEY_INVALID. */
export function publicKeyOf(secretKey: string): string {
  return encodeZ85(rawPublicKey(privateKey(secretKey)));
}

/**
 * The prefix of a client's routing id, by which the server knows the key behind its messages:
 *
 *     <public key in Z85> '.' base64url(HMAC-SHA256(X25519(client, server), 'supertree 1.' <client public> '.' <server public>))
 *
 * Only the owners of the client's and of the server's secret key can make it. libzmq authenticates the connection, but zeromq.js does not expose the key
 * that a message came with, and a ZAP request does not carry the peer's routing id. A routing id travels inside the encrypted INITIATE of CurveZMQ, so
 * only the server sees it; the ticket for another server is a different one. Throws KEY_INVALID.
 */
export function clientTicket(secretKey: string, serverKey: string): string {
  const publicKey = publicKeyOf(secretKey);
  return `${publicKey}.${proof(secretKey, serverKey, publicKey, serverKey)}`;
}

/** The same ticket, made by the server for comparison. Throws KEY_INVALID. */
export function expectedTicket(serverSecret: string, clientKey: string): string {
  return `${clientKey}.${proof(serverSecret, clientKey, clientKey, publicKeyOf(serverSecret))}`;
}

function proof(secretKey: string, theirs: string, client: string, server: string): string {
  const shared = agreed(secretKey, theirs);
  return createHmac('sha256', shared).update(`supertree 1.${client}.${server}`).digest('base64url');
}

/** X25519 (RFC 7748). Throws KEY_INVALID for a point of low order. */
function agreed(secretKey: string, theirs: string): Buffer {
  try {
    return diffieHellman({ privateKey: privateKey(secretKey), publicKey: publicKeyFrom(theirs) });
  } catch (thrown) {
    if (thrown instanceof SupertreeError) throw thrown;
    throw new SupertreeError('KEY_INVALID', { which: 'The public key', rule: 'must be a point of Curve25519' }, thrown);
  }
}

type Key = ReturnType<typeof createPrivateKey>;

/** The DER prefix of a 32-byte X25519 key (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const SPKI = Buffer.from('302a300506032b656e032100', 'hex');

function privateKey(secretKey: string): Key {
  const key = Buffer.concat([PKCS8, bytesOf(secretKey, 'The secret key')]);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

function publicKeyFrom(text: string): Key {
  const key = Buffer.concat([SPKI, bytesOf(text, 'The public key')]);
  return createPublicKey({ key, format: 'der', type: 'spki' });
}

function rawPublicKey(key: Key): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(SPKI.length);
}

/** Never shows the value: it may be a secret. */
function bytesOf(text: string, which: string): Buffer {
  const bytes = text.length === KEY_LENGTH ? decodeZ85(text) : null;
  if (bytes === null) throw new SupertreeError('KEY_INVALID', { which, rule: 'must be 40 characters of Z85' });
  return bytes;
}

/** RFC 32. */
const Z85 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';

export function encodeZ85(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) {
    const word = view.getUint32(at);
    for (let power = 85 ** 4; power >= 1; power /= 85) text += Z85[Math.floor(word / power) % 85];
  }
  return text;
}

/** `null` when the text is not Z85, or its length is not a multiple of 5. */
export function decodeZ85(text: string): Buffer | null {
  if (text.length % 5 !== 0) return null;
  const bytes = Buffer.alloc((text.length / 5) * 4);
  for (let word = 0; word < text.length / 5; word++) {
    const digits = [...text.slice(word * 5, word * 5 + 5)].map((char) => Z85.indexOf(char));
    const value = digits.reduce((sum, digit) => (digit < 0 ? Number.NaN : sum * 85 + digit), 0);
    if (!(value <= 0xffffffff)) return null;
    bytes.writeUInt32BE(value, word * 4);
  }
  return bytes;
}

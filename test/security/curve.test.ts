import { createHmac, createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Keyring } from '../../src/control/access/keyring.js';
import { LOCAL, UNPROVEN } from '../../src/control/access/roles.js';
import {
  clientTicket,
  decodeZ85,
  encodeZ85,
  expectedTicket,
  isKey,
  newKeyPair,
  publicKeyOf,
} from '../../src/protocol/curve.js';
import fc from '../fast-check.js';

describe('Z85', () => {
  it('writes and reads the test vector of RFC 32', () => {
    const bytes = Buffer.from('864fd26fb559f75b', 'hex');
    expect(encodeZ85(bytes)).toBe('HelloWorld');
    expect(decodeZ85('HelloWorld')).toEqual(bytes);
  });

  it('decodes its own encoding', () => {
    const words = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(fc.property(words, (bytes) => decodeZ85(encodeZ85(bytes))?.equals(bytes) === true));
  });

  it.each([
    ['a length that is no whole word', 'Hello1'],
    ['a character that is not in the alphabet', 'Hell"'],
    ['a word beyond 32 bits', '#####'],
  ])('refuses %s', (_what, text) => {
    expect(decodeZ85(text)).toBeNull();
  });
});

describe('keys', () => {
  it('have the same public key as in libzmq', () => {
    const { publicKey, secretKey } = newKeyPair();
    expect(publicKeyOf(secretKey)).toBe(publicKey);
    expect(isKey(publicKey)).toBe(true);
  });

  it('are not shown in the errors that refuse them', () => {
    expect(() => publicKeyOf('hunter2')).toThrow('The secret key must be 40 characters of Z85.');
    const zero = encodeZ85(Buffer.alloc(32));
    expect(() => clientTicket(newKeyPair().secretKey, zero)).toThrow('The public key must be a point of Curve25519.');
  });
});

describe('a ticket', () => {
  const server = newKeyPair();
  const client = newKeyPair();

  it('is the same at both ends, and computed as documented', () => {
    const ticket = clientTicket(client.secretKey, server.publicKey);
    expect(ticket).toBe(expectedTicket(server.secretKey, client.publicKey));
    const der = (prefix: string, key: string) =>
      Buffer.concat([Buffer.from(prefix, 'hex'), decodeZ85(key) ?? Buffer.alloc(0)]);
    const shared = diffieHellman({
      privateKey: createPrivateKey({
        key: der('302e020100300506032b656e04220420', client.secretKey),
        format: 'der',
        type: 'pkcs8',
      }),
      publicKey: createPublicKey({
        key: der('302a300506032b656e032100', server.publicKey),
        format: 'der',
        type: 'spki',
      }),
    });
    const proof = createHmac('sha256', shared).update(`supertree 1.${client.publicKey}.${server.publicKey}`);
    expect(ticket).toBe(`${client.publicKey}.${proof.digest('base64url')}`);
  });

  it('differs for each server', () => {
    expect(clientTicket(client.secretKey, server.publicKey)).not.toBe(
      clientTicket(client.secretKey, newKeyPair().publicKey),
    );
  });

  it('must be the beginning of a routing id', () => {
    const other = newKeyPair();
    const grants = [{ roles: ['observe'], subtree: 'root' }] as const;
    const known = { name: 'c', publicKey: client.publicKey, grants };
    const keyring = new Keyring(server.secretKey, 'root', [known, { ...known, name: 'o', publicKey: other.publicKey }]);
    const mine = clientTicket(client.secretKey, server.publicKey);
    const peerOf = (text: string) => keyring.peerOf(Buffer.from(text, 'latin1'));
    expect(peerOf(`${mine}.1`)).toBe(known);
    const forged = [
      '',
      'x',
      mine,
      `${mine}.`,
      `${mine}x1`,
      `${client.publicKey}.1`,
      `${other.publicKey}${mine.slice(40)}.1`,
      `${mine.slice(0, -1)}${mine.endsWith('A') ? 'B' : 'A'}.1`,
      `${clientTicket(client.secretKey, newKeyPair().publicKey)}.1`,
      `${clientTicket(newKeyPair().secretKey, server.publicKey)}.1`,
      `${client.publicKey}.${'é'.repeat(43)}.1`,
    ];
    expect(forged.map(peerOf).filter((peer) => peer !== UNPROVEN)).toEqual([]);
  });

  it('is never valid with random bytes', () => {
    const keyring = new Keyring(server.secretKey, 'root', [{ ...LOCAL, grants: [], publicKey: client.publicKey }]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 255 }), (tail) => {
        const id = Buffer.concat([Buffer.from(`${client.publicKey}.`), tail]);
        return keyring.peerOf(Buffer.from(tail)) === UNPROVEN && keyring.peerOf(id) === UNPROVEN;
      }),
    );
  });
});

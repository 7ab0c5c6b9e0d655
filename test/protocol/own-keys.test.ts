import { describe, expect, it } from 'vitest';
import { pack, unpack, unpackUnscanned } from '../../src/protocol/codec.js';
import { decode, decodeAnswer, encode } from '../../src/protocol/decode.js';

/** Names that every object has, or that mean something to an assignment; JSON.parse makes all of them keys of their own. */
const NAMES = ['__proto__', '__proto_', 'constructor', 'prototype', 'toString', 'hasOwnProperty'] as const;
const MAP = JSON.parse(`{${NAMES.map((name, index) => `"${name}":"v${index}"`).join(',')}}`) as Record<string, string>;
const UUID = '00112233-4455-6677-8899-aabbccddeeff';

function sameKeys(map: unknown): void {
  expect(Object.entries(map as object)).toEqual(Object.entries(MAP));
  expect(Object.getPrototypeOf(map)).toBe(Object.prototype);
}

describe('keys that every object has', () => {
  it('are packed and read as they are, at any depth, small and large', () => {
    const many = Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`k${index}`, index]));
    for (const wrap of [(map: object) => map, (map: object) => ({ list: [[map]] }), (map: object) => ({ map, many })]) {
      const bytes = pack(wrap(MAP));
      for (const read of [unpack, unpackUnscanned]) {
        expect(pack(read(bytes)).equals(bytes)).toBe(true);
      }
    }
    sameKeys(unpack(pack(MAP)));
    sameKeys(unpackUnscanned(pack(MAP)));
  });

  it('are kept in the environment and the metadata of a spawn_request, and in the payload of a command', () => {
    const config = { name: 'a', model_backend: 'x-cli', task: 't', environment: MAP };
    const spawn = decode(pack({ type: 'spawn_request', request_id: 'r', config, metadata: MAP }));
    if (!spawn.ok || spawn.message.type !== 'spawn_request') throw new Error('not decoded');
    sameKeys(spawn.message.config.environment);
    sameKeys(spawn.message.metadata);
    const message = { request_id: 'r', agent_id: UUID, command_type: 'custom_action', payload: { params: [MAP] } };
    const command = decode(pack({ type: 'control_command', ...message }));
    if (!command.ok || command.message.type !== 'control_command') throw new Error('not decoded');
    sameKeys((command.message.payload as { params: unknown[] }).params[0]);
  });

  it('are kept in answers, as the server writes and the client reads them', () => {
    const data = { metadata: MAP };
    const bytes = encode({ type: 'tree_response', request_id: 'r', success: true, data } as never);
    for (const read of [decode, decodeAnswer]) {
      const decoded = read(bytes);
      if (!decoded.ok || decoded.message.type !== 'tree_response') throw new Error('not decoded');
      sameKeys((decoded.message.data as typeof data).metadata);
    }
  });

  it('name no message, whatever stands there', () => {
    for (const name of NAMES) {
      expect(decode(pack([name, 'r']))).toMatchObject({ ok: false, error: { code: 'MESSAGE_TYPE' } });
    }
  });
});

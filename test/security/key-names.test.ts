import { expect, it } from 'vitest';
import { newKeyPair } from '../../src/protocol/curve.js';
import { keyNameProblem } from '../../src/protocol/key-name.js';
import { readSecurity } from '../../src/server/security.js';

const { publicKey } = newKeyPair();

function problemsWith(name: string): readonly { path: string; rule: string }[] {
  const given = { secret_key_file: 'server.key', keys: [{ name, public: publicKey, roles: ['observe'] }] };
  return readSecurity(given, { root: 'root', directory: '/etc', at: '' }).problems;
}

it.each(['local', 'anyone', 'unknown', 'unproven', 'Local'])(
  'no key may be called %s, as the audit log calls peers without one',
  (name) => {
    expect(problemsWith(name)).toMatchObject([
      { path: 'keys.0.name', rule: expect.stringContaining('must not be one of') },
    ]);
    expect(keyNameProblem(name)).not.toBeNull();
  },
);

it('a name that only begins with a reserved one is valid', () => {
  expect(problemsWith('local-admin')).toEqual([]);
});

import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clientTicket, newKeyPair, publicKeyOf } from '../../src/protocol/curve.js';
import { checkEndpoints } from '../../src/server/binding.js';
import { loadConfig } from '../../src/server/config.js';
import { loadSecurity, openKeyring, readClientSecurity, readTicket, writeKeyPair } from '../../src/server/keys.js';
import { createServer } from '../../src/server/server.js';
import { supertree } from '../cli/fake-host.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const at = (name: string) => join(directory, name);
const modeOf = async (name: string) => ((await stat(at(name))).mode & 0o777).toString(8);

describe('supertree keygen', () => {
  it('writes a secret file for its owner only and a public one, and prints the entry for the server', async () => {
    const { code, out, err } = await supertree(['keygen', 'alice', '--out', directory]);
    expect(code).toBe(0);
    const [secret = '', open = ''] = [await readFile(at('alice.key'), 'utf8'), await readFile(at('alice.pub'), 'utf8')];
    expect(publicKeyOf(secret.trim())).toBe(open.trim());
    expect(out).toBe(`[[keys]]\nname = "alice"\npublic = "${open.trim()}"\nroles = ["observe"]\n`);
    expect([await modeOf('alice.key'), await modeOf('alice.pub')]).toEqual(['600', '644']);
    expect(out + err).not.toContain(secret.trim());
  });

  it('prints one JSON document without the secret', async () => {
    const { out } = await supertree(['keygen', '--json', '--out', at('new/deep')]);
    const secret = (await readFile(at('new/deep/supertree.key'), 'utf8')).trim();
    expect(JSON.parse(out)).toEqual({
      name: 'supertree',
      publicKey: publicKeyOf(secret),
      secretFile: at('new/deep/supertree.key'),
      publicFile: at('new/deep/supertree.pub'),
    });
    expect(out).not.toContain(secret);
  });

  it.each(['alice.key', 'alice.pub'])('overwrites no file: when %s exists, nothing is written', async (taken) => {
    await writeFile(at(taken), 'mine');
    const { code, out, err } = await supertree(['keygen', 'alice', '--out', directory]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain(`KEY_FILE: The key file ${at(taken)} exists already and is not overwritten.`);
    expect(await readdir(directory)).toEqual([taken]);
    expect(await readFile(at(taken), 'utf8')).toBe('mine');
  });

  it.each(['/dev/null', '/dev/null/sub', '/proc/nope', '/proc/nope/deeper'])(
    'passes on the error of the system when %s is its directory',
    async (out) => {
      const { code, err } = await supertree(['keygen', 'alice', '--out', out]);
      expect(code).toBe(1);
      expect(err).toMatch(`KEY_FILE: The key file ${out}/alice.key cannot be written: E`);
    },
  );

  it.each(['../alice', '.', '', 'a b', 'x'.repeat(65)])('refuses the name %j', async (name) => {
    const { code } = await supertree(['keygen', name, '--out', directory]);
    expect(code).toBe(2);
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('supertree ticket', () => {
  it('prints the beginning of the routing id for clients in other languages', async () => {
    const client = await writeKeyPair(directory, 'client');
    const server = newKeyPair();
    const { out } = await supertree(['ticket', '--key', client.secretFile, '--server-key', server.publicKey]);
    const secret = (await readFile(client.secretFile, 'utf8')).trim();
    expect(out.trim()).toBe(clientTicket(secret, server.publicKey));
  });

  it('reads the server key from a file, and both keys from the environment', async () => {
    const [client, server] = [await writeKeyPair(directory, 'client'), await writeKeyPair(directory, 'server')];
    const env = { SUPERTREE_KEY: client.secretFile, SUPERTREE_SERVER_KEY: server.publicFile };
    const { out } = await supertree(['ticket'], { env });
    expect(out.trim()).toBe(await readTicket(client.secretFile, server.publicKey));
  });

  it.each([[[]], [['--key', 'x.key']], [['--server-key', 'x.pub']]])('requires both options: %j', async (argv) => {
    expect(await supertree(['ticket', ...argv])).toMatchObject({ code: 2, err: expect.stringMatching(/^USAGE: /) });
  });
});

describe('a secret key file', () => {
  const secret = newKeyPair().secretKey;
  const read = (file: string) => readClientSecurity(file, newKeyPair().publicKey);

  it.each([0o640, 0o604, 0o660, 0o622, 0o644, 0o611])('with mode %o is refused', async (mode) => {
    await writeFile(at('k'), secret);
    await chmod(at('k'), mode);
    const refused = read(at('k'));
    await expect(refused).rejects.toMatchObject({ code: 'KEY_FILE', message: expect.stringContaining('chmod 600') });
    await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining(secret) });
  });

  it('is checked at the target of a link', async () => {
    await writeFile(at('k'), secret, { mode: 0o644 });
    await symlink(at('k'), at('link'));
    await expect(read(at('link'))).rejects.toMatchObject({ code: 'KEY_FILE' });
    await chmod(at('k'), 0o400);
    expect((await read(at('link'))).keys.secretKey).toBe(secret);
  });

  it.each([
    ['short', 'hunter2'],
    ['empty', ''],
    ['long', `${secret}${secret}${secret}`],
    ['not Z85', '"'.repeat(40)],
  ])('with a key that is %s is refused without being shown', async (_what, text) => {
    await writeFile(at('k'), text, { mode: 0o600 });
    await expect(read(at('k'))).rejects.toMatchObject({
      message: `The key file ${at('k')} must hold one key: 40 characters of Z85.`,
    });
  });

  it('that is missing or a directory gets an error with the reason', async () => {
    await expect(read(at('none'))).rejects.toMatchObject({ code: 'KEY_FILE' });
    await mkdir(at('dir'), { mode: 0o700 });
    await expect(read(at('dir'))).rejects.toMatchObject({ message: expect.stringContaining('must be a file') });
  });
});

describe('the table of keys', () => {
  const [alice, bob] = [newKeyPair().publicKey, newKeyPair().publicKey];
  const toml = (...entries: string[]) => `secret_key_file = "server.key"\n${entries.join('\n')}\n`;
  const entry = (name: string, key: string, more = 'roles = ["observe"]') =>
    `[[keys]]\nname = "${name}"\npublic = "${key}"\n${more}`;

  it('gives a key several roles for several subtrees, and the root for an entry without a subtree', async () => {
    const more = 'roles = ["lifecycle", "input"]\nsubtree = "root/web"';
    await writeFile(at('keys.toml'), toml(entry('alice', alice), entry('bob', bob), entry('alice', alice, more)));
    expect(await loadSecurity(at('keys.toml'), 'root')).toEqual({
      secretKeyFile: at('server.key'),
      keys: [
        {
          name: 'alice',
          publicKey: alice,
          grants: [
            { roles: ['observe'], subtree: 'root' },
            { roles: ['lifecycle', 'input'], subtree: 'root/web' },
          ],
        },
        { name: 'bob', publicKey: bob, grants: [{ roles: ['observe'], subtree: 'root' }] },
      ],
    });
  });

  it('may be the table security of a tree file', async () => {
    const security = { secretKeyFile: 'k', keys: [{ name: 'a', public: alice, roles: ['spawn'], subtree: 'top/x' }] };
    await writeFile(at('tree.json'), JSON.stringify({ id: 'top', children: [], security }));
    const config = await loadConfig(at('tree.json'));
    expect(config.security?.keys).toMatchObject([{ grants: [{ roles: ['spawn'], subtree: 'top/x' }] }]);
    expect(config.tree).not.toHaveProperty('security');
  });

  it('is refused with every problem, and no key is shown', async () => {
    const wrong = `${alice.slice(0, 39)}"`.replaceAll('"', '\\"');
    await writeFile(
      at('keys.toml'),
      toml(entry('a', wrong), entry('b', bob, 'roles = ["root"]'), entry('c', alice, 'roles = []\nsub = 1')),
    );
    const refused = await loadSecurity(at('keys.toml'), 'root').catch((thrown: Error) => thrown.message);
    expect(refused).toContain('keys.0.public must be a public key: 40 characters of Z85, got (hidden)');
    expect(refused).toContain('keys.1.roles.0 must be one of observe, input, lifecycle, configure, spawn, got "root"');
    expect(refused).toContain('keys.2.roles must name a role');
    expect(refused).toContain('keys.2.sub is not a setting');
    expect(refused).not.toContain(alice.slice(0, 39));
  });

  it('is refused when a name has two keys, a key has two names, or a subtree is not in the tree', async () => {
    const more = 'roles = ["observe"]\nsubtree = "rooted/web"';
    await writeFile(
      at('keys.toml'),
      toml(entry('a', alice), entry('a', bob), entry('b', alice), entry('b', alice, more)),
    );
    const refused = await loadSecurity(at('keys.toml'), 'root').catch((thrown: Error) => thrown.message);
    expect(refused).toContain('keys.1.name must name one public key');
    expect(refused).toContain('keys.2.public must have one name');
    expect(refused).toContain('keys.3.subtree must be root or a path below it, got "rooted/web"');
  });

  it('is refused when a key is a point of low order', async () => {
    const { secretFile } = await writeKeyPair(directory, 'server');
    const keys = [{ name: 'zero', publicKey: '0'.repeat(40), grants: [] }];
    await expect(openKeyring({ secretKeyFile: secretFile, keys }, 'root')).rejects.toMatchObject({
      code: 'KEY_INVALID',
    });
  });
});

describe('an endpoint that other machines can reach', () => {
  it('is refused without keys, and the error names the remedies', () => {
    expect(() => checkEndpoints(['tcp://0.0.0.0:5555'])).toThrowError(
      expect.objectContaining({ code: 'ENDPOINT_EXPOSED', remedy: expect.stringContaining('`insecure`') }),
    );
    expect(checkEndpoints(['tcp://0.0.0.0:5555'], true)).toHaveLength(1);
  });

  it.each([
    ['with keys', {}],
    ['when --insecure is said', { insecure: true }],
  ])('is bound %s', async (how, more) => {
    const { createTree } = await import('../../src/actors/tree.js');
    const { secretFile: secretKeyFile } = await writeKeyPair(directory, 'server');
    const security = how === 'with keys' ? { security: { secretKeyFile, keys: [] } } : {};
    const settings = { endpoints: ['tcp://0.0.0.0:*'], pubEndpoints: ['tcp://0.0.0.0:*'] };
    const make = (options: object, config: object) =>
      createServer({
        config: { tree: { id: 'root', children: [] }, settings, ...config },
        createTree: (input) => createTree(input),
        failed: () => {},
        ...options,
      });
    await expect(make({}, {})).rejects.toMatchObject({ code: 'ENDPOINT_EXPOSED' });
    const server = await make(more, security);
    expect(server.endpoints).toEqual([expect.stringMatching(/^tcp:\/\/0\.0\.0\.0:\d+$/)]);
    await server.stop();
  });
});

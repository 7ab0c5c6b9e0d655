import { constants } from 'node:fs';
import { type FileHandle, open, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { ClientSecurity } from '../client/security.js';
import { Keyring } from '../control/access/keyring.js';
import { messageOf, SupertreeError } from '../errors.js';
import { clientTicket, isKey, KEY_LENGTH, newKeyPair, publicKeyOf } from '../protocol/curve.js';
import { readTable } from './config.js';
import { makeDirectory } from './directory.js';
import { isOurs, OTHERS, refuseForeign, refusePlace } from './permissions.js';
import { readSecurity, type SecuritySettings } from './security.js';

/**
 * Reads the file of `--keys`: TOML, or JSON when its name ends in .json. Rejects FILE_INVALID with every problem, KEY_FILE when another user may
 * write it.
 */
export async function loadSecurity(file: string, root: string): Promise<SecuritySettings> {
  const { table: given, stats, refuse } = await readTable(file);
  refuseForeign(file, stats);
  const { security, problems } = readSecurity(given, { root, directory: dirname(resolve(file)), at: '' });
  return security ?? refuse(problems);
}

/** The keys of a server. Rejects KEY_FILE, KEY_INVALID. */
export async function openKeyring(settings: SecuritySettings, root: string): Promise<Keyring> {
  return new Keyring(await readSecretKey(settings.secretKeyFile), root, settings.keys);
}

/**
 * The keys of a client: its own secret key from a file, and the server's public key as a file or as text. Rejects KEY_FILE, KEY_INVALID.
 */
export async function readClientSecurity(keyFile: string, server: string): Promise<ClientSecurity> {
  const secretKey = await readSecretKey(keyFile);
  const serverKey = isKey(server) ? server : await readPublicKey(server);
  return { serverKey, keys: { publicKey: publicKeyOf(secretKey), secretKey } };
}

/** The prefix of the routing id of a foreign client, from the same two keys. Rejects KEY_FILE, KEY_INVALID. */
export async function readTicket(keyFile: string, server: string): Promise<string> {
  const { serverKey, keys } = await readClientSecurity(keyFile, server);
  return clientTicket(keys.secretKey, serverKey);
}

/** Files of a new key pair. */
export interface KeyFiles {
  readonly name: string;
  readonly publicKey: string;
  readonly secretFile: string;
  readonly publicFile: string;
}

/**
 * Makes a key pair and writes NAME.key, which only its owner may read, and NAME.pub. Rejects KEY_FILE, with nothing written, when either exists: a
 * key is never overwritten.
 */
export async function writeKeyPair(directory: string, name: string): Promise<KeyFiles> {
  const { publicKey, secretKey } = newKeyPair();
  const [secretFile, publicFile] = [join(directory, `${name}.key`), join(directory, `${name}.pub`)];
  await makeDirectory(directory).catch((thrown: unknown) => {
    throw fault(secretFile, `cannot be written: ${messageOf(thrown)}`, thrown);
  });
  await attempt(secretFile, () => refusePlace(secretFile));
  await writeNew(secretFile, secretKey, 0o600);
  try {
    await writeNew(publicFile, publicKey, 0o644);
  } catch (thrown) {
    await rm(secretFile);
    throw thrown;
  }
  return { name, publicKey, secretFile, publicFile };
}

/** Rejects KEY_FILE with the system's reason. */
async function attempt(file: string, work: () => void): Promise<void> {
  try {
    work();
  } catch (thrown) {
    throw thrown instanceof SupertreeError ? thrown : fault(file, `cannot be used: ${messageOf(thrown)}`, thrown);
  }
}

async function writeNew(file: string, key: string, mode: number): Promise<void> {
  try {
    await writeFile(file, `${key}\n`, { flag: 'wx', mode });
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    const rule =
      code === 'EEXIST' ? 'exists already and is not overwritten' : `cannot be written: ${messageOf(thrown)}`;
    throw new SupertreeError('KEY_FILE', { file, rule }, thrown);
  }
}

/** Reads a secret key. Rejects KEY_FILE, also when another user than its owner may read it. */
function readSecretKey(file: string): Promise<string> {
  return readKey(file, async (handle) => {
    const stats = await handle.stat();
    if ((stats.mode & OTHERS) !== 0)
      throw fault(file, 'may be read or written by others; make it private with chmod 600');
    if (!isOurs(stats)) throw fault(file, 'belongs to another user');
  });
}

function readPublicKey(file: string): Promise<string> {
  return readKey(file, async () => {});
}

/** The permissions are checked on the open file: the path may name another file a moment later. */
async function readKey(file: string, check: (handle: FileHandle) => Promise<void>): Promise<string> {
  await attempt(file, () => refusePlace(file));
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((thrown: unknown) => {
    throw fault(file, `cannot be read: ${messageOf(thrown)}`, thrown);
  });
  try {
    if (!(await handle.stat()).isFile()) throw fault(file, 'must be a file');
    await check(handle);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2 * KEY_LENGTH), 0, 2 * KEY_LENGTH, 0);
    const key = buffer.toString('latin1', 0, bytesRead).trim();
    if (!isKey(key)) throw fault(file, 'must hold one key: 40 characters of Z85');
    return key;
  } finally {
    await handle.close();
  }
}

function fault(file: string, rule: string, cause?: unknown): SupertreeError {
  return new SupertreeError('KEY_FILE', { file, rule }, cause);
}

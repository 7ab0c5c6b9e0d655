import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { privateDirectory } from '../../actors/locks/private-directory.js';
import { KEEPER_DIRECTORY } from '../../drivers/keeper/protocol/messages.js';
import { type KeeperWithoutServer, keepersWithoutServer } from '../../drivers/keeper/without-server.js';
import { messageOf } from '../../errors.js';
import { type Finding, fine, weaker } from '../../model/finding.js';
import { probeEndpoint } from '../../transport/probe-endpoint.js';

/** What servers of this user have left that were killed: sockets where nothing listens, and keepers that wait for another server. */
export async function leftovers(): Promise<Finding> {
  try {
    const sockets = (await Promise.all(directories().map(deadSockets))).flat();
    const keepers = keepersWithoutServer();
    const facts = [...sockets.map((path) => `nothing listens at ${path}`), ...keepers.map(sentenceOf)];
    if (facts.length === 0) return fine('leftovers', 'No socket or keeper is left by a server that was killed');
    return weaker('leftovers', sentence(facts.join('; ')), remedyFor(keepers));
  } catch (thrown) {
    return fine('leftovers', `They cannot be looked for: ${messageOf(thrown)}`);
  }
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Where servers of this user, and keepers without a state directory, have their sockets. */
function directories(): string[] {
  const user = process.geteuid?.();
  const parent = tmpdir();
  const ofKeepers = readdirSync(parent)
    .filter((name) => name.startsWith(KEEPER_DIRECTORY))
    .map((name) => join(parent, name))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.uid === user);
  return [privateDirectory(), ...ofKeepers];
}

function sentenceOf({ pid, tree, socket }: KeeperWithoutServer): string {
  return `the keeper of ${tree}, pid ${pid}, has no server, and waits for one at ${socket}`;
}

function remedyFor(keepers: readonly KeeperWithoutServer[]): string {
  const sockets = 'The next server removes its own socket; the others can be deleted.';
  const [first] = keepers;
  return first === undefined
    ? sockets
    : `Start the server with its state directory again, or end the keeper and its agents with \`kill ${first.pid}\`.`;
}

async function deadSockets(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of entriesOf(directory)) {
    const path = join(directory, name);
    if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) continue;
    const answer = await probeEndpoint({ kind: 'ipc', text: path, path }, PATIENCE);
    if (answer === 'refused') found.push(path);
  }
  return found;
}

/** None when it was removed meanwhile. */
function entriesOf(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** How long a process that listens may take to accept a connection, in ms. */
const PATIENCE = 1_000;

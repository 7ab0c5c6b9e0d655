import type { Command } from 'commander';
import { SupertreeError } from '../../errors.js';
import { absolute, keyName } from '../arguments.js';
import { EXIT } from '../exit.js';
import type { Host } from '../host.js';
import type { AddCommands } from '../invocation.js';
import { keyFilesOf, printJson, printLines } from '../session.js';

const KEYGEN_EXAMPLES = `
Examples:
  $ supertree keygen server --out /etc/supertree
  $ supertree keygen alice
`;

const TICKET_EXAMPLES = `
A program that is not supertree connects with CURVE and sets its routing id (ZMQ_ROUTING_ID) to the ticket, a dot, and something
that no other connection has. Keep the ticket to yourself: it stands for your key.

Examples:
  $ supertree ticket --key alice.key --server-key server.pub
`;

interface Options {
  out?: string;
  json?: boolean;
}

/** `keygen`, `ticket`: they prepare the access to a server with keys, and contact none. */
export const addKeys: AddCommands = (program, { host, finish }) => {
  program
    .command('keygen [name]')
    .description('Make a key pair: NAME.key, secret, and NAME.pub. Prints the entry for the server.')
    .option('--out <DIR>', 'the directory of the files. If not given, the current one', absolute(host))
    .option('--json', 'print { name, publicKey, secretFile, publicFile } as one JSON document')
    .addHelpText('after', KEYGEN_EXAMPLES)
    .action(async (name: string | undefined, options: Options) => {
      finish(await keygen(host, keyName(name ?? 'supertree'), options));
    });
  program
    .command('ticket')
    .description('Print the prefix of the routing id for a client in another language.')
    .addHelpText('after', TICKET_EXAMPLES)
    .action(async (_options: object, command: Command) => finish(await ticket(host, command)));
};

async function keygen(host: Host, name: string, { out = host.cwd, json }: Options): Promise<number> {
  const { writeKeyPair } = await import('../../server/keys.js');
  const files = await writeKeyPair(out, name);
  if (json) printJson(host.out, files);
  else printLines(host.out, ['[[keys]]', `name = "${name}"`, `public = "${files.publicKey}"`, 'roles = ["observe"]']);
  printLines(host.err, [`Wrote ${files.secretFile} (keep it secret) and ${files.publicFile}.`]);
  return EXIT.done;
}

async function ticket(host: Host, command: Command): Promise<number> {
  const keyFiles = keyFilesOf(host, command);
  if (keyFiles === undefined) {
    throw new SupertreeError('USAGE', { problem: 'Missing --key and --server-key', command: 'ticket' });
  }
  const { readTicket } = await import('../../server/keys.js');
  printLines(host.out, [await readTicket(keyFiles.keyFile, keyFiles.serverKey)]);
  return EXIT.done;
}

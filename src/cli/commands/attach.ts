import type { Command } from 'commander';
import type { Client } from '../../client/client.js';
import { SupertreeError } from '../../errors.js';
import { describeExit } from '../../model/reason.js';
import { Attachment } from '../attachment.js';
import { EXIT } from '../exit.js';
import type { Host } from '../host.js';
import type { AddCommands } from '../invocation.js';
import { printLines, withClient } from '../session.js';

/** `attach`: the terminal of an agent in the terminal of the user. */
export const addAttach: AddCommands = (program, { host, finish }) => {
  program
    .command('attach <agent>')
    .description(
      'Connect your terminal to that of an agent (stdin pty): your keys go there, its output comes here, and it gets the size of yours. ' +
        'Ctrl-] detaches, and the agent runs on. When the agent ends, also for a restart, this ends with its exit code, or 128 and ' +
        'the number of the signal. Several may be attached; the agent has the size of the one that was attached or resized last. ' +
        'Without a server for 5 s it ends with code 3.',
    )
    .addHelpText('after', '\nExamples:\n  $ supertree spawn shell --pty -- bash\n  $ supertree attach shell\n')
    .action(async (agent: string, _options: object, command: Command) => {
      requireTerminal(host);
      finish(await withClient(host, command, '', (client, interrupted) => attach(host, client, agent, interrupted)));
    });
};

function requireTerminal({ stdinTerminal, out }: Host): void {
  if (stdinTerminal && out.terminal) return;
  const problem = 'attach takes a terminal as its standard input and output; send and logs work without';
  throw new SupertreeError('USAGE', { problem, command: 'attach' });
}

async function attach(host: Host, client: Client, agent: string, interrupted: AbortSignal): Promise<number> {
  const { uuid, path, incarnation } = await client.request('status', { agent }, { signal: interrupted });
  const attachment = new Attachment(host, client, { agent: uuid, incarnation });
  const end = await attachment.run(interrupted);
  if (end === 'detached') {
    printLines(host.err, [`Detached from ${path}, which runs on.`]);
    return EXIT.done;
  }
  printLines(host.err, [`${path} has ended: ${describeExit(end.exit)}.`]);
  return end.code;
}

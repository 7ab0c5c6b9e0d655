import type { Command } from 'commander';
import type { Finding, FindingLevel } from '../../model/finding.js';
import { defaultEndpoint } from '../../protocol/endpoint.js';
import { absolute } from '../arguments.js';
import { EXIT } from '../exit.js';
import type { Host } from '../host.js';
import type { AddCommands } from '../invocation.js';
import { endpointOf, keyFilesOf, printJson, printLines } from '../session.js';

const EXAMPLES = `
Each line says whether one thing is fine, weaker (agents run, with fewer promises or less room) or BROKEN, and what to do.

Examples:
  $ supertree doctor
  $ supertree doctor --state ~/.local/state/supertree
  $ supertree doctor --json | jq -r '.[] | select(.level != "fine") | .remedy'
`;

interface Options {
  state?: string;
  json?: boolean;
}

/** `doctor`: whether this machine has what a server, or a program that embeds a tree, needs. */
export const addDoctor: AddCommands = (program, { host, finish }) => {
  program
    .command('doctor')
    .description(
      'Check what a server, or a program that embeds a tree, needs on this machine. Exits with 1 when something is broken.',
    )
    .option('--state <DIR>', 'a state directory, which is checked as well', absolute(host))
    .option('--json', 'print [{ check, level, fact, remedy }] as one JSON document; level is fine, weaker or broken')
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options, command: Command) => finish(await doctor(host, options, command)));
};

async function doctor(host: Host, { state, json }: Options, command: Command): Promise<number> {
  const named = endpointOf(host, command);
  const { owner }: { owner?: number } = command.optsWithGlobals();
  const keyFiles = keyFilesOf(host, command);
  const findings = await host.examine({
    endpoint: named ?? defaultEndpoint(host.env).text,
    greet: async () => (await host.connect(named, keyFiles, owner)).close(),
    ...(state !== undefined && { state }),
  });
  if (json) printJson(host.out, findings);
  else printLines(host.out, findings.flatMap(linesOf));
  return findings.some(({ level }) => level === 'broken') ? EXIT.failed : EXIT.done;
}

function linesOf({ check, level, fact, remedy }: Finding): string[] {
  const line = `${WORD[level].padEnd(WIDTH.level)}${check.padEnd(WIDTH.check)}${fact}.`;
  return remedy === null ? [line] : [line, `${' '.repeat(WIDTH.level + WIDTH.check)}${remedy}`];
}

const WORD: Readonly<Record<FindingLevel, string>> = { fine: 'fine', weaker: 'weaker', broken: 'BROKEN' };

const WIDTH = { level: 8, check: 13 };

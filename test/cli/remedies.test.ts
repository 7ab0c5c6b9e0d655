import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import type { Host } from '../../src/cli/host.js';
import { createProgram } from '../../src/cli/program.js';
import { TYPED, typedRemedy } from '../../src/cli/remedies.js';
import { errorCatalogue, fill, SupertreeError } from '../../src/errors.js';

const DETAILS = { agent: 'root/a', id: 'a', path: 'root/pool', command: 'stop', reason: 'a' };

/** The command line, with commands that do nothing. */
function parser(): Command {
  const host = { out: { columns: 80 }, err: { columns: 80 } } as Host;
  const program = createProgram({ host, argv: [], finish: () => undefined }, '0');
  for (const command of program.commands) command.action(() => undefined);
  return program;
}

/** What each remedy tells a person to type, with the details filled in. */
const COMMANDS = Object.entries(TYPED).flatMap(([code, remedy]) =>
  [...fill(remedy, DETAILS).matchAll(/`supertree ([^`]*)`/g)].map(([, line = '']) => [code, line] as const),
);

describe('the remedy of a typed command', () => {
  it.each(COMMANDS)('of %s names a command that the command line takes: supertree %s', async (_code, line) => {
    const argv = line.split(' ');
    if (argv.includes('--help')) {
      expect(parser().commands.map((command) => command.name())).toContain(argv[0]);
    } else await parser().parseAsync(argv, { from: 'user' });
  });

  it('names no option that there is not', () => {
    const program = parser();
    const options = [program, ...program.commands].flatMap((command) => command.options.map(({ long }) => long));
    const named = Object.values(TYPED).flatMap((remedy) => remedy.match(/--[a-z-]+/g) ?? []);
    expect(named.length).toBeGreaterThan(5);
    for (const option of named) if (option !== '--help') expect(options).toContain(option);
  });

  it('is that of the error where a detail is missing, as from a server of another version', () => {
    const bare = new SupertreeError('RUNNING', { id: 'a' });
    expect(typedRemedy(bare)).toBe(bare.remedy);
    expect(typedRemedy(new SupertreeError('RUNNING', DETAILS))).toContain('`supertree stop root/a`');
  });
});

describe('the remedy of an error', () => {
  it.each(errorCatalogue())('$code can be read by a program: it names no command and no flag', ({ remedy }) => {
    expect(remedy).not.toMatch(/`supertree |(^|\s)--[a-z]/);
  });
});

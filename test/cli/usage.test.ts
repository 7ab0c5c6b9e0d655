import { describe, expect, it } from 'vitest';
import { supertree } from './fake-host.js';

/** Command line, and the whole line it is refused with. */
const REFUSED: readonly (readonly [argv: readonly string[], line: string])[] = [
  [['nosuch'], "USAGE: Unknown command 'nosuch'. See `supertree --help`."],
  [['stpo', 'web'], "USAGE: Unknown command 'stpo' (Did you mean stop?). See `supertree --help`."],
  [['--nosuch'], "USAGE: Unknown option '--nosuch'. See `supertree --help`."],
  [['ps', '--endpoint'], "USAGE: Option '--endpoint <E>' argument missing. See `supertree --help`."],
  [
    ['ps', '--endpoint', ''],
    "USAGE: Option '--endpoint <E>' argument '' is invalid. It must not be empty. See `supertree --help`.",
  ],
  [
    ['ps', '--endpoint', 'tcp://127.0.0.1:1', '--endpoint', 'tcp://127.0.0.1:2'],
    "USAGE: Option '--endpoint <E>' is given twice; a tree file can name several endpoints for a server. See `supertree --help`.",
  ],
  [
    ['serve', '--pub-endpoint', 'tcp://127.0.0.1:1', '--pub-endpoint', 'tcp://127.0.0.1:2'],
    "USAGE: Option '--pub-endpoint <E>' is given twice; a tree file can name several endpoints for a server. See `supertree serve --help`.",
  ],
  [
    ['serve', '--audit', 'a', '--max-agents', '1', '--audit', 'b'],
    "USAGE: Option '--audit <FILE>' is given twice. See `supertree serve --help`.",
  ],
  [
    ['logs', 'web', '-n', '1', '--lines', '2'],
    "USAGE: Option '-n, --lines <N>' is given twice. See `supertree logs --help`.",
  ],
  [['ps', '--jsn'], "USAGE: Unknown option '--jsn' (Did you mean --json?). See `supertree ps --help`."],
  [['ps', 'web'], "USAGE: Too many arguments for 'ps'. Expected 0 arguments but got 1. See `supertree ps --help`."],
  [['tree', 'x'], "USAGE: Too many arguments for 'tree'. Expected 0 arguments but got 1. See `supertree tree --help`."],
  [
    ['health', 'x'],
    "USAGE: Too many arguments for 'health'. Expected 0 arguments but got 1. See `supertree health --help`.",
  ],
  [['status'], "USAGE: Missing required argument 'agent'. See `supertree status --help`."],
  [
    ['status', 'a', 'b'],
    "USAGE: Too many arguments for 'status'. Expected 1 argument but got 2. See `supertree status --help`.",
  ],
  ...['start', 'stop', 'kill', 'restart', 'pause', 'resume'].map(
    (verb) => [[verb], `USAGE: Missing required argument 'agent'. See \`supertree ${verb} --help\`.`] as const,
  ),
  [['stop', 'web', '--force'], "USAGE: Unknown option '--force'. See `supertree stop --help`."],
  [
    ['pause', 'web', '--mode', 'soft'],
    "USAGE: Option '--mode <MODE>' argument 'soft' is invalid. Allowed choices are forced, cooperative. See `supertree pause --help`.",
  ],
  [['stop', 'web', '--mode', 'forced'], "USAGE: Unknown option '--mode'. See `supertree stop --help`."],
  [['signal', 'web'], "USAGE: Missing required argument 'signal'. See `supertree signal --help`."],
  [['send'], "USAGE: Missing required argument 'agent'. See `supertree send --help`."],
  [
    ['send', 'web', 'two', 'words'],
    "USAGE: Too many arguments for 'send'. Expected 2 arguments but got 3. See `supertree send --help`.",
  ],
  [['logs'], "USAGE: Missing required argument 'agent'. See `supertree logs --help`."],
  [
    ['logs', 'web', '-n', 'ten'],
    "USAGE: Option '-n, --lines <N>' argument 'ten' is invalid. It must be a whole number of at least 0. See `supertree logs --help`.",
  ],
  [
    ['logs', 'web', '-n', '-5'],
    "USAGE: Option '-n, --lines <N>' argument '-5' is invalid. It must be a whole number of at least 0. See `supertree logs --help`.",
  ],
  [
    ['logs', 'web', '--from', '1.5'],
    "USAGE: Option '--from <SEQ>' argument '1.5' is invalid. It must be a whole number of at least 0. See `supertree logs --help`.",
  ],
  [
    ['logs', 'web', '--from', '99999999999999999999'],
    "USAGE: Option '--from <SEQ>' argument '99999999999999999999' is invalid. It must be a whole number of at least 0. See `supertree logs --help`.",
  ],
  [
    ['logs', 'web', '--stream', 'stdin'],
    "USAGE: Option '--stream <NAME>' argument 'stdin' is invalid. Allowed choices are stdout, stderr, both. See `supertree logs --help`.",
  ],
  [
    ['serve', 'a.toml', 'b.toml'],
    "USAGE: Too many arguments for 'serve'. Expected 1 argument but got 2. See `supertree serve --help`.",
  ],
  [
    ['serve', '--max-agents', '0'],
    "USAGE: Option '--max-agents <N>' argument '0' is invalid. It must be a whole number of at least 1. See `supertree serve --help`.",
  ],
  [
    ['serve', '--max-agents', 'many'],
    "USAGE: Option '--max-agents <N>' argument 'many' is invalid. It must be a whole number of at least 1. See `supertree serve --help`.",
  ],
  [['spawn'], "USAGE: Missing required argument 'name'. See `supertree spawn --help`."],
  [['spawn', 'web'], "USAGE: Missing required argument 'command'. See `supertree spawn --help`."],
  [['spawn', 'web', '--'], "USAGE: Missing required argument 'command'. See `supertree spawn --help`."],
  [
    ['spawn', 'web', 'node', 'x.mjs'],
    "USAGE: Missing -- in front of the command 'node x.mjs'. See `supertree spawn --help`.",
  ],
  [['spawn', '--', 'node', 'x.mjs'], 'USAGE: Missing <name> in front of --. See `supertree spawn --help`.'],
  [
    ['spawn', 'web', 'extra', '--', 'node'],
    "USAGE: Only <name> stands in front of --, not also 'extra'. See `supertree spawn --help`.",
  ],
  [
    ['spawn', 'a..b', '--', 'node'],
    "USAGE: Command-argument value 'a..b' is invalid for argument 'name'. It must not contain \"..\". See `supertree spawn --help`.",
  ],
  [
    ['spawn', '9web', '--', 'node'],
    "USAGE: Command-argument value '9web' is invalid for argument 'name'. It must match ^[A-Za-z][\\w.-]*$. See `supertree spawn --help`.",
  ],
  [
    ['spawn', 'web', '--restart', 'always', '--', 'node'],
    "USAGE: Option '--restart <TYPE>' argument 'always' is invalid. Allowed choices are permanent, transient, temporary. See `supertree spawn --help`.",
  ],
  [
    ['spawn', 'web', '--port', '80', '--', 'node'],
    "USAGE: Option '--port <NAME>' argument '80' is invalid. It must match ^[A-Za-z][A-Za-z0-9_]*$. See `supertree spawn --help`.",
  ],
  [
    ['spawn', 'web', '--port', 'http', '--port', 'http', '--', 'node'],
    "USAGE: Option '--port <NAME>' argument 'http' is invalid. It must be given only once. See `supertree spawn --help`.",
  ],
  [
    ['spawn', 'web', '--env', 'LEVEL', '--', 'node'],
    "USAGE: Option '--env <NAME[=VALUE]>' is 'LEVEL' without a value, and LEVEL is not set here. See `supertree spawn --help`.",
  ],
  [
    ['spawn', 'web', '--env', '=x', '--', 'node'],
    "USAGE: Option '--env <NAME[=VALUE]>' is invalid. It must be NAME=VALUE, or a NAME that is set here. See `supertree spawn --help`.",
  ],
  [
    ['spawn', 'web', '--cwd', '', '--', 'node'],
    "USAGE: Option '--cwd <DIR>' argument '' is invalid. It must not be empty. See `supertree spawn --help`.",
  ],
];

describe('a command line that is not understood', () => {
  it.each(REFUSED)('%j is refused in one line, exit code 2, and no server is asked', async (argv, line) => {
    const result = await supertree(argv);
    expect(result).toMatchObject({ code: 2, out: '', err: `${line}\n`, endpoints: [], seen: [] });
  });

  it('shows the help on standard error when no command is given', async () => {
    const result = await supertree([]);
    expect(result).toMatchObject({ code: 2, out: '' });
    expect(result.err).toMatch(/^Usage: supertree/);
  });

  it('never repeats the value of an environment variable', async () => {
    const result = await supertree(['spawn', 'web', '--env', '=s3cret', '--', 'node']);
    expect(result.code).toBe(2);
    expect(result.err).not.toContain('s3cret');
  });

  it('shows the help with exit code 2 for help on a command that is not there', async () => {
    expect(await supertree(['help', 'nosuch'])).toMatchObject({ code: 2, out: '' });
  });
});

describe('help', () => {
  const commands = 'serve ps tree status health spawn start stop kill restart pause resume signal send logs'.split(' ');

  it.each(commands)('of %s goes to standard output, with examples and the options of every command', async (name) => {
    const result = await supertree([name, '--help']);
    expect(result).toMatchObject({ code: 0, err: '' });
    expect(result.out).toContain(`Usage: supertree ${name}`);
    expect(result.out).toContain(`Examples:\n  $ supertree ${name}`);
    expect(result.out).toContain('--endpoint');
  });

  it('of the program names every command and every exit code', async () => {
    const result = await supertree(['--help']);
    expect(result).toMatchObject({ code: 0, err: '' });
    for (const name of commands) expect(result.out).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(result.out).toContain('3  no server answered');
  });

  it('is the same for `help ps` and `ps --help`', async () => {
    expect((await supertree(['help', 'ps'])).out).toBe((await supertree(['ps', '--help'])).out);
  });

  it('leaves the version alone on standard output', async () => {
    const result = await supertree(['--version']);
    expect(result).toMatchObject({ code: 0, err: '' });
    expect(result.out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

import { execFile } from 'node:child_process';
import { mkdir, rmdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { supertree as run } from './fake-host.js';
import { scratch } from './process.js';

const BIN = fileURLToPath(new URL(`../../${manifest.bin.supertree}`, import.meta.url));

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

describe('the program that is installed as supertree', () => {
  let place: Awaited<ReturnType<typeof scratch>>;
  let link: string;

  beforeAll(async () => {
    place = await scratch();
    link = join(place.path, 'supertree');
    await symlink(BIN, link);
    await writeFile(
      join(place.path, 'agent.env'),
      'SUPERTREE_ENDPOINT=tcp://nowhere.invalid:1\nNODE_OPTIONS=--no-such\n',
    );
  });
  afterAll(() => place.remove());

  /** As a package manager links it, in a directory of its own. */
  const supertree = (argv: readonly string[], cwd = place.path, extra: NodeJS.ProcessEnv = {}): Promise<Ended> => {
    const PATH = `${dirname(process.execPath)}:${process.env.PATH}`;
    const env = { PATH, SUPERTREE_ENDPOINT: place.endpoint, ...extra };
    return new Promise((resolve) => {
      const child = execFile(link, argv, { cwd, env }, (_error, out, err) =>
        resolve({ code: child.exitCode ?? -1, out, err }),
      );
    });
  };

  it.each([
    ['2', ''],
    ['8', '--max-semi-space-size=8'],
  ])('has a space of %s MiB for young objects where NODE_OPTIONS is "%s"', async (size, options) => {
    const program = 'console.error([process.env.NODE_OPTIONS, ...process.execArgv].join())';
    const show = `--import=data:text/javascript,${encodeURIComponent(program)}`;
    const { err } = await supertree(['--version'], place.path, { NODE_OPTIONS: `${show} ${options}` });
    expect(err.match(/--max-semi-space-size=\d+/g)).toEqual([`--max-semi-space-size=${size}`]);
    expect(err).toContain('--initial-old-space-size=12,--heap-growing-percent=30');
  });

  it('takes its own options, not Node: a file that is missing', async () => {
    const { code, err } = await supertree(['spawn', 'web', '--env-file', 'none.env', '--', 'run']);
    expect(code).toBe(2);
    expect(err).toMatch(/^USAGE: \/.*none\.env cannot be read: ENOENT/);
  });

  it('keeps the variables of the file for the agent', async () => {
    const { code, err } = await supertree(['spawn', 'web', '--env-file=agent.env', '--', 'run']);
    expect(code).toBe(3);
    expect(err).toMatch(`NO_SERVER: No supertree server answered at ${place.endpoint}`);
  });

  it('leaves each option of Node that names a file to a command behind --', async () => {
    const options = ['--env-file', '--env-file-if-exists', '--experimental-config-file'].flatMap((option) => [
      option,
      'none.json',
    ]);
    const argv = ['spawn', 'web', '--', 'node', ...options, '--experimental-default-config-file', "a 'word", ''];
    const { code, err } = await supertree(argv);
    expect(err).toMatch(/^NO_SERVER: /);
    expect(code).toBe(3);
  });

  it('reports an option of Node as an unknown option', async () => {
    const { code, err } = await supertree(['ps', '--experimental-config-file', 'none.json']);
    expect({ code, err }).toEqual({
      code: 2,
      err: "USAGE: Unknown option '--experimental-config-file'. See `supertree ps --help`.\n",
    });
  });

  it.each([
    ['--version', 0],
    ['spawn web --cwd / -- run', 3],
    ['spawn web -- run', 1],
  ])('works in a directory that was deleted, where it needs none: %s', async (line, expected) => {
    const gone = join(place.path, 'gone');
    await mkdir(gone);
    const script = `rmdir ${gone} && exec ${link} ${line}`;
    const env = { PATH: `${dirname(process.execPath)}:${process.env.PATH}`, SUPERTREE_ENDPOINT: place.endpoint };
    const { code, err } = await new Promise<Ended>((resolve) => {
      const child = execFile('sh', ['-c', script], { cwd: gone, env }, (_error, out, err) =>
        resolve({ code: child.exitCode ?? -1, out, err }),
      );
    });
    await rmdir(gone).catch(() => undefined);
    expect(code).toBe(expected);
    expect(err).not.toMatch(/^ +at /m);
    if (expected === 1) expect(err).toMatch(/^CWD_GONE: The present directory cannot be used: /m);
  });

  it.each([
    ['help ps', 0],
    ['ps', 3],
    ['keygen', 1],
  ])('asks for the directory only where it needs one: %s', async (line, expected) => {
    const { code, err } = await run(line.split(' '), { absent: true, cwdGone: true });
    expect(code).toBe(expected);
    expect(err).toMatch({ 0: /^$/, 1: /^CWD_GONE: /, 3: /^NO_SERVER: / }[expected]!);
  });
});

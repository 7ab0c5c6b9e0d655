import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { row, supertree } from './fake-host.js';
import { scratch } from './process.js';

describe('supertree spawn --env-file', () => {
  let place: Awaited<ReturnType<typeof scratch>>;
  let file: string;

  beforeAll(async () => {
    place = await scratch();
    file = join(place.path, 'web.env');
  });
  afterAll(() => place.remove());

  const spawn = async (text: string, ...options: string[]) => {
    await writeFile(file, text);
    const setup = { answers: { spawn: () => row('root/web') }, env: { OWN: '/srv' } };
    return supertree(['spawn', 'web', ...options, '--env-file', file, '--', 'run'], setup);
  };
  const envOf = async (text: string, ...options: string[]) => {
    const { seen, err } = await spawn(text, ...options);
    expect(err).toBe('');
    return (seen[0]?.params as { spec?: { env?: object } } | undefined)?.spec?.env;
  };

  it.each(['__proto__=1', 'export __proto__ = 1', '__proto__: 1', '__proto__'])(
    'refuses %j, which dotenv would leave out',
    async (line) => {
      const { err, seen } = await spawn(`A=1\n${line}\n`);
      expect(err).toMatch(/^USAGE: Line 2 of \S+ is invalid\. No variable may be called __proto__\./);
      expect(seen).toEqual([]);
    },
  );

  it('takes no name alone for set that every object has', async () => {
    for (const name of ['constructor', 'toString', '__proto__']) {
      const { err } = await spawn(`A=1\n`, '--env', name);
      expect(err).toContain(`${name} is not set here`);
    }
    expect((await spawn('constructor')).err).toContain('constructor is not set here');
  });

  it.each([
    ['A=1\r\nB=x=y\r\n', { A: '1', B: 'x=y' }],
    ['export A=1\n  export   B = 2\n', { A: '1', B: '2' }],
    [
      'A="with space" # why\nB=\'single #1\'\nC=bare # why\nD=`back`\n',
      { A: 'with space', B: 'single #1', C: 'bare', D: 'back' },
    ],
    ['# one\n\n   # two\nA=\nB=""\n', { A: '', B: '' }],
    [
      'KEY="-----BEGIN\nnot a line of its own\nOWN\n-----END"\nB=1\n',
      { KEY: '-----BEGIN\nnot a line of its own\nOWN\n-----END', B: '1' },
    ],
    ['A="one\\ntwo"\nB=\'one\\ntwo\'\n', { A: 'one\ntwo', B: 'one\\ntwo' }],
    ['\uFEFFA=1\n', { A: '1' }],
    ['OWN\nexport OWN # from here\n', { OWN: '/srv' }],
  ])('reads %j', async (text, env) => {
    expect(await envOf(text)).toEqual(env);
  });

  it('is overridden by --env', async () => {
    expect(await envOf('A=1\nB=2\n', '--env', 'B=3')).toEqual({ A: '1', B: '3' });
  });

  it.each([
    ['A=1\n=s3cret\n', /^USAGE: Line 2 of .*web\.env is invalid/],
    ['A="\ntwo"\ns3cret s3cret\n', /^USAGE: Line 3 of .*web\.env is invalid/],
    ['A=s3cret\nMISSING\n', /^USAGE: Line 2 of .*web\.env is 'MISSING' without a value, and MISSING is not set here/],
  ])('refuses %j with the line and without a value', async (text, line) => {
    const { code, err, seen } = await spawn(text);
    expect({ code, seen }).toEqual({ code: 2, seen: [] });
    expect(err).toMatch(line);
    expect(err).not.toContain('s3cret');
  });

  it('refuses a file that cannot be read', async () => {
    const result = await supertree(['spawn', 'web', '--env-file', join(place.path, 'none'), '--', 'run']);
    expect(result).toMatchObject({ code: 2, seen: [] });
    expect(result.err).toMatch(/^USAGE: .*none cannot be read: .*ENOENT.*\n$/);
  });
});

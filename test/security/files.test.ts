import { chmod, chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SupertreeError } from '../../src/errors.js';
import { auditToFile } from '../../src/server/audit-log.js';
import { loadConfig } from '../../src/server/config.js';
import { loadSecurity } from '../../src/server/keys.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const at = (name: string) => join(directory, name);
const modeOf = async (name: string) => ((await stat(at(name))).mode & 0o777).toString(8);

describe('a file that gives roles', () => {
  const security = { secretKeyFile: 'server.key', keys: [] };

  it.each([
    ['the keys file', security, (file: string) => loadSecurity(file, 'root')],
    ['a tree file with keys', { security }, (file: string) => loadConfig(file)],
  ])('is refused when others may write it: %s', async (_what, data, load) => {
    const file = at('given.json');
    await writeFile(file, JSON.stringify(data));
    for (const mode of [0o660, 0o602, 0o666]) {
      await chmod(file, mode);
      await expect(load(file)).rejects.toMatchObject({
        code: 'KEY_FILE',
        message: `The key file ${file} gives roles and may be written by others; run chmod go-w ${file}.`,
      });
    }
    await chmod(file, 0o644);
    await load(file);
  });

  it.runIf(process.getuid?.() === 0)('is refused when it belongs to another user', async () => {
    const file = at('given.json');
    await writeFile(file, JSON.stringify(security));
    await chown(file, 12_345, 12_345);
    await expect(loadSecurity(file, 'root')).rejects.toMatchObject({
      code: 'KEY_FILE',
      message: `The key file ${file} gives roles and belongs to another user.`,
    });
  });

  it('may be written by others when it gives no roles', async () => {
    await writeFile(at('tree.json'), '{}');
    await chmod(at('tree.json'), 0o666);
    expect((await loadConfig(at('tree.json'))).security).toBeUndefined();
  });
});

describe('the audit file', () => {
  it('has one line of JSON for each command, is appended to and private', async () => {
    const line = {
      key: 'alice',
      request: 'r',
      verb: 'delete_child',
      path: 'root/a',
      child: 'one\x1b[31m',
      outcome: 'refused',
      code: 'FORBIDDEN',
    } as const;
    for (let run = 0; run < 2; run++) {
      const log = auditToFile(at('audit.log'));
      log.note(line);
      log.close((thrown) => expect.unreachable(String(thrown)));
    }
    const lines = (await readFile(at('audit.log'), 'utf8')).trim().split('\n');
    expect(lines.map((text) => JSON.parse(text) as object)).toEqual(
      Array(2).fill({
        ...line,
        level: 'warn',
        time: expect.any(String),
        name: 'audit',
        msg: 'alice: delete_child root/a child one?[31m refused (FORBIDDEN)',
      }),
    );
    expect(await modeOf('audit.log')).toBe('600');
  });

  it.each([0o644, 0o660, 0o622])('gets mode 0600 when it exists with the mode %o', async (mode) => {
    await writeFile(at('audit.log'), 'before\n');
    await chmod(at('audit.log'), mode);
    auditToFile(at('audit.log')).close((thrown) => expect.unreachable(String(thrown)));
    expect(await modeOf('audit.log')).toBe('600');
    expect(await readFile(at('audit.log'), 'utf8')).toBe('before\n');
  });

  it('does not change the mode of a device', async () => {
    const before = (await stat('/dev/null')).mode;
    auditToFile('/dev/null').close((thrown) => expect.unreachable(String(thrown)));
    expect((await stat('/dev/null')).mode).toBe(before);
  });

  it.runIf(process.getuid?.() === 0)('that belongs to another user is refused', async () => {
    await writeFile(at('audit.log'), '');
    await chown(at('audit.log'), 12_345, 12_345);
    const problem = `it is not safe there: ${at('audit.log')} belongs to user 12345`;
    expect(() => auditToFile(at('audit.log'))).toThrow(
      new SupertreeError('AUDIT_FILE', { file: at('audit.log'), problem }),
    );
  });

  it('that cannot be written is reported at once', () => {
    expect(() => auditToFile(at('none/audit.log'))).toThrowError(expect.objectContaining({ code: 'AUDIT_FILE' }));
  });
});

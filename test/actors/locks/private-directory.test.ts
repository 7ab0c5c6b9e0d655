import { chmod, chown, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { privateDirectory } from '../../../src/actors/locks/private-directory.js';
import { isRoot, OTHER } from '../../security/other-user.js';

let runtime: string;
let own: string;

beforeEach(async () => {
  runtime = await mkdtemp(join(tmpdir(), 'supertree-test-'));
  own = join(runtime, 'supertree');
});

afterEach(() => rm(runtime, { recursive: true, force: true }));

const directory = () => privateDirectory({ XDG_RUNTIME_DIR: runtime });

function problem(): string {
  try {
    return directory();
  } catch (thrown) {
    expect(thrown).toMatchObject({
      code: 'DIRECTORY_UNUSABLE',
      details: { directory: own },
      remedy: expect.stringContaining('XDG_RUNTIME_DIR'),
    });
    return (thrown as Error).message;
  }
}

describe('the private directory', () => {
  it('is made for this user alone, and made so when others may read it', async () => {
    expect(directory()).toBe(own);
    expect((await stat(own)).mode & 0o777).toBe(0o700);
    await chmod(own, 0o755);
    expect(directory()).toBe(own);
    expect((await stat(own)).mode & 0o777).toBe(0o700);
  });

  it.each([0o777, 0o1777, 0o770])('is refused with the mode %o', async (mode) => {
    await mkdir(own);
    await chmod(own, mode);
    expect(problem()).toMatch(/may be written by others|others may write it/);
  });

  it('is refused when it is a link, even to a directory of this user', async () => {
    const elsewhere = join(runtime, 'elsewhere');
    await mkdir(elsewhere, { mode: 0o700 });
    await symlink(elsewhere, own);
    expect(problem()).toContain('it is a symbolic link');
  });

  it('is refused when it is a file', async () => {
    await writeFile(own, '');
    expect(problem()).toContain('it is not a directory');
  });

  // Only root can give a directory away; that of another user is judged by model/path-owner.ts in any case.
  it.runIf(isRoot)('is refused when it belongs to another user', async () => {
    await mkdir(own, { mode: 0o700 });
    await chown(own, OTHER, OTHER);
    expect(problem()).toContain(`belongs to user ${OTHER}`);
  });

  it('is refused where others may write the directory above it', async () => {
    await chmod(runtime, 0o777);
    expect(problem()).toContain('may be written by others');
  });
});

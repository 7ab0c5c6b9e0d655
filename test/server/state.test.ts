import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serve } from '../../src/server/serve.js';
import { openState } from '../../src/server/state.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'supertree-state-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

function refusal(path: string): Promise<string> {
  return openState(path).then(
    (state) => {
      state.close();
      return 'opened';
    },
    (thrown) => thrown.toLine(),
  );
}

describe('a state directory', () => {
  it('is made with its parents, private, and can be opened again after a close', async () => {
    const path = join(directory, 'a/b');
    for (let time = 0; time < 2; time += 1) (await openState(path)).close();
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(path, 'keeper.secret')).mode & 0o777).toBe(0o600);
  });

  it('belongs to one program at a time', async () => {
    const state = await openState(directory);
    expect(await refusal(directory)).toMatch(/^STATE_UNUSABLE: .* it belongs to another supertree server \(pid \d+\)/);
    state.close();
    expect(await refusal(directory)).toBe('opened');
  });

  it('is refused when it cannot be used, with the reason', async () => {
    expect(await refusal(join(directory, 'x'.repeat(200)))).toContain('exceeds 107 bytes');
    writeFileSync(join(directory, 'file'), '');
    expect(await refusal(join(directory, 'file'))).toMatch(/^STATE_UNUSABLE: .*(ENOTDIR|EEXIST|not a directory)/);
    const path = join(directory, 'open');
    mkdirSync(path);
    writeFileSync(join(path, 'keeper.secret'), 'known', { mode: 0o644 });
    expect(await refusal(path)).toContain('other users may use');
    chmodSync(path, 0o777);
    expect(await refusal(path)).toMatch(/^STATE_UNUSABLE: /);
  });

  it('is not for the driver local', async () => {
    const refused = serve({ state: directory, driver: 'local', endpoint: `ipc://${directory}/s.sock` });
    await expect(refused).rejects.toMatchObject({ code: 'OPTION_INVALID', details: { option: 'state' } });
  });
});

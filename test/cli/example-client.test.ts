import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const EXAMPLE = fileURLToPath(new URL('../../examples/clients/raw-req.mjs', import.meta.url));

it('the example of a bare REQ socket prints its required arguments', () => {
  const { PATH } = process.env;
  const { status, stderr } = spawnSync(process.execPath, [EXAMPLE], {
    env: { PATH },
    encoding: 'utf8',
    timeout: 20_000,
  });
  expect(status).toBe(2);
  expect(stderr).toMatch(/^Say where the server is: .*raw-req\.mjs ENDPOINT.*\n$/);
});

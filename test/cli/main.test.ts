import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, launch, scratch, shell } from './process.js';

describe('the supertree program', () => {
  let place: Awaited<ReturnType<typeof scratch>>;

  beforeAll(async () => {
    place = await scratch();
  });
  afterAll(() => place.remove());

  it('exits with 3 and one line when no server answers', async () => {
    const result = await launch(['ps', '--endpoint', place.endpoint]).finished;
    expect(result).toMatchObject({ code: 3, out: '' });
    expect(result.err).toBe(
      `NO_SERVER: No supertree server answered at ${place.endpoint}. Start one with \`supertree serve\`, or name it with --endpoint.\n`,
    );
  });

  it('exits with 2 when the endpoint is none', async () => {
    const result = await ask(['ps', '--endpoint', 'http://localhost'], place.endpoint);
    expect(result).toMatchObject({ code: 2, out: '' });
    expect(result.err).toMatch(/^ENDPOINT_INVALID: .*\n$/);
  });

  it('exits with 2 and one line when it is not understood', async () => {
    const result = await launch(['nosuch']).finished;
    expect(result).toMatchObject({
      code: 2,
      out: '',
      err: "USAGE: Unknown command 'nosuch'. See `supertree --help`.\n",
    });
  });

  it('ends quietly when the reader of its output has seen enough', async () => {
    const result = await shell('set -o pipefail; supertree --help | head -n 1');
    expect(result).toEqual({ code: 0, signal: null, out: 'Usage: supertree [options] [command]\n', err: '' });
  });

  it('ends quietly when its output is closed before it writes', async () => {
    const result = await shell('set -o pipefail; supertree --help | true');
    expect(result).toEqual({ code: 0, signal: null, out: '', err: '' });
  });

  it.each(['--help', 'keygen disk --out DIR', 'keygen json --json --out DIR'])(
    'tells that its output could not be written, and exits with 1: %s',
    async (line) => {
      const result = await shell(`supertree ${line.replace('DIR', place.path)} > /dev/full`);
      expect(result).toMatchObject({ code: 1, out: '' });
      expect(result.err).toMatch(/^OUTPUT_FAILED: Standard output cannot be written: .*ENOSPC.*$/m);
    },
  );

  it('exits with 1 when it could say nothing on standard error', async () => {
    expect((await shell(`supertree keygen quiet --out ${place.path} 2> /dev/full`)).code).toBe(1);
  });
});

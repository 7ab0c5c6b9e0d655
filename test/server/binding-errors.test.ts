import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { scratch } from '../cli/process.js';
import { fixture } from '../contract/recorder.js';
import { runAsOther } from '../security/other-user.js';

interface Refused {
  readonly code: string;
  readonly problem: string;
}

describe('an ipc endpoint whose present listener cannot be found out', () => {
  it('for want of descriptors is unusable for that reason, and not in use', async () => {
    const place = await scratch();
    onTestFinished(() => place.remove());
    const program = [...fixture('bind-with-few-descriptors'), place.path];
    const { stdout } = await promisify(execFile)('sh', ['-c', 'ulimit -n 256; exec "$@"', 'sh', ...program]);
    const refused = JSON.parse(stdout) as Refused[];
    expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['ENDPOINT_UNUSABLE']));
    expect(refused.map(({ problem }) => problem)).toContainEqual(expect.stringContaining('connect EMFILE'));
    expect(refused.at(-1)?.problem).toBe('reached');
  });

  it('for want of permission is unusable for that reason, and not in use', async () => {
    const child = runAsOther(fixture('bind-without-permission'));
    let stdout = '';
    child.stdout?.on('data', (text) => (stdout += String(text)));
    await once(child, 'close');
    expect(JSON.parse(stdout)).toEqual({
      code: 'ENDPOINT_UNUSABLE',
      problem: expect.stringContaining('connect EACCES'),
    });
  });
});

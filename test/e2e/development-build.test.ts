import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { fixture } from '../contract/recorder.js';

describe('under the development build of XState, which vitest and bundlers load', () => {
  it('a tree runs without a warning', async () => {
    const [node, ...args] = fixture('every-body');
    const program = spawn(node!, ['--conditions=development', ...args]);
    let text = '';
    for (const stream of [program.stdout, program.stderr]) {
      stream.on('data', (bytes) => {
        text += bytes;
      });
    }
    await new Promise((resolve) => program.on('close', resolve));
    expect(text).toBe('done\n');
  });
});

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'vitest';
import { eventually, fixture } from '../contract/recorder.js';
import { hookTests } from './hooks.js';
import { MARK, processesMarked } from './proc.js';
import { shareKeeper } from './world.js';

shareKeeper();
hookTests('keeper');

describe('the hook of an agent of a program that is killed', () => {
  it('is ended with the program', async () => {
    const [node, ...args] = fixture('ends-program', 'hook');
    const mark = randomUUID();
    const host = spawn(node!, args, { env: { ...process.env, [MARK]: mark }, stdio: ['pipe', 'pipe', 'ignore'] });
    const hook = () => processesMarked(mark, 'root/a').length;
    await eventually(() => hook() === 2, 'the hook');
    host.kill('SIGKILL');
    await eventually(() => processesMarked(mark).length === 0, 'the end of the hook');
  });
});

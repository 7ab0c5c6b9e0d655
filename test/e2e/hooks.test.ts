import { spawn } from 'node:child_process';
import { describe, it } from 'vitest';
import { eventually, fixture } from '../contract/recorder.js';
import { hookTests } from './hooks.js';
import { markedEach } from './marked.js';
import { shareKeeper } from './world.js';

shareKeeper();
hookTests('keeper');

const marked = markedEach();

describe('the hook of an agent of a program that is killed', () => {
  it('is ended with the program', async () => {
    const [node, ...args] = fixture('ends-program', 'hook');
    const host = spawn(node!, args, { env: marked().env, stdio: ['pipe', 'pipe', 'ignore'] });
    await eventually(() => marked().pids('root/a').length === 2, 'the hook');
    host.kill('SIGKILL');
    await eventually(() => marked().pids().length === 0, 'the end of the hook');
  });
});

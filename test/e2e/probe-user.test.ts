import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../contract/recorder.js';
import { sh, sleeper, started } from './world.js';

const isRoot = process.geteuid?.() === 0;

describe.runIf(isRoot)('exec probes of an agent with a user of its own', () => {
  /** A directory in which everybody may write, and a probe that notes there who it is. */
  function noted(): { file: string; command: string[] } {
    const directory = mkdtempSync(join(tmpdir(), 'supertree-probes-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    chmodSync(directory, 0o777);
    const file = join(directory, 'probe');
    const note = `echo $(id -u) $(id -g) $(id -G) $(umask) $HOME $A "\${SUPERTREE_TOKEN-none}" >${file}.new; mv ${file}.new ${file}`;
    return { file, command: sh(note) };
  }
  const options = { user: 'nobody', umask: '077', env: { A: 'one' } } as const;

  it('run as that user, with its groups, its umask and its environment', async () => {
    const readiness = noted();
    const liveness = noted();
    const agent = sleeper('a', {
      ...options,
      readiness: { type: 'exec', command: readiness.command },
      liveness: { type: 'exec', command: liveness.command, period: 100, timeout: 20_000 },
    });
    const w = await started({ children: [agent, sleeper('b', { ...options, group: 'daemon', umask: '002' })] });
    await eventually(() => existsSync(liveness.file), 'the liveness probe');
    for (const { file } of [readiness, liveness])
      expect(readFileSync(file, 'utf8')).toBe('65534 65534 65534 0077 /nonexistent one none\n');
    await eventually(() => w.view('a').health === 'healthy', 'the health of a');
  });

  it('are not run, with the reason, when their program does not exist for that user', async () => {
    const liveness = { type: 'exec', command: ['no-such-probe'], period: 100, timeout: 20_000 } as const;
    const w = await started({ children: [sleeper('a', { ...options, liveness })] });
    w.expected = /no-such-probe did not run: command no-such-probe not found/;
    await w.reported('error', 'root/a');
    expect(w.view('a')).toMatchObject({ state: 'running', health: 'unknown' });
  });
});

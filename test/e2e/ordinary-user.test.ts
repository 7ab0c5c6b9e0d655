import { getPriority } from 'node:os';
import { describe, expect, it } from 'vitest';
import { fixture } from '../contract/recorder.js';
import { OTHER, valuesOfOther } from '../security/other-user.js';

describe('an ordinary user', () => {
  /** What becomes of an agent of each spec in a program of that user. */
  const startEach = (specs: readonly object[]) => valuesOfOther(fixture('start-each', JSON.stringify(specs)));

  it('may lower what its agents may do, and gets it back for the next one', async () => {
    const show = (script: string) => ({ command: ['sh', '-c', script] });
    const limit = 'ulimit -Sn; ulimit -Hn';
    const results = await startEach([
      { ...show(`nice; ${limit}`), nice: 7, rlimits: { nofile: { soft: 50, hard: 60 } } },
      { ...show('umask; cat /proc/self/oom_score_adj'), umask: '077', oomScoreAdj: 900 },
      { ...show('id -u'), user: OTHER, group: OTHER },
      show(
        'nice; [ "$(cat /proc/self/oom_score_adj)" -lt 900 ] && echo lower; [ "$(ulimit -Hn)" != 60 ] && echo higher',
      ),
    ]);
    expect(results).toEqual([
      { code: 0, text: '7\n50\n60\n' },
      { code: 0, text: '0077\n900\n' },
      { code: 0, text: `${OTHER}\n` },
      { code: 0, text: `${getPriority()}\nlower\nhigher\n` },
    ]);
  });

  it.skipIf(OTHER === process.geteuid?.())(
    'reads the field, the rule and the value of what the system refuses',
    async () => {
      const specs = [
        { user: 'root' },
        { group: 0 },
        { nice: -20 },
        { oomScoreAdj: -1000 },
        { rlimits: { nofile: 'infinity' } },
        { user: 'no-such-user' },
      ];
      const reasons = (await startEach(specs)).map((result) => (result as { reason?: string }).reason);
      expect(reasons).toEqual([
        expect.stringContaining(
          `user must be that of the supervisor, uid ${OTHER}, unless it runs as root, got "root"`,
        ),
        expect.stringContaining(`group must be that of the supervisor, gid ${OTHER}, unless it runs as root, got 0`),
        expect.stringContaining(
          'nice must not be lower than that of the supervisor without the privilege for it (EACCES), got -20',
        ),
        expect.stringContaining(
          'oomScoreAdj must not be lower than that of the supervisor without the privilege for it (EACCES), got -1000',
        ),
        expect.stringMatching(/rlimits.nofile must be at most \d+, the hard limit of this user, got unlimited/),
        expect.stringContaining('user must be a name in /etc/passwd, or a uid, got "no-such-user"'),
      ]);
    },
  );
});

import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { Census } from '../../../src/drivers/local/census.js';
import { ProcessTree } from '../../../src/drivers/local/process-tree.js';
import { isDefunct, readStat } from '../../../src/drivers/proc/proc.js';

describe('the process tree of the local driver', () => {
  it('never signals a process that only has the pid of a member', async () => {
    const main = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
    const stranger = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
    const pid = stranger.pid!;
    const before = { owner: 'token', startTicks: readStat(pid)!.startTicks - 1, session: pid, defunct: false };
    class Outdated extends Census {
      override membersOf = (token: string) => [...super.membersOf(token), pid];
      override record = (member: number) => (member === pid ? before : super.record(member));
    }
    const tree = new ProcessTree(main.pid!, 'token', new Outdated());
    expect(tree.look().alive.map((member) => member.pid)).toEqual([main.pid]);
    tree.signal('SIGKILL');
    await new Promise((resolve) => main.once('exit', resolve));
    tree.reaped();
    expect(tree.look().alive).toEqual([]);
    expect(tree.signalGroup('SIGKILL')).toBe(false);
    expect(lives(pid)).toBe(true);
    stranger.kill('SIGKILL');
  });

  it('does not count a foreign session that reuses the number of one of its own', () => {
    const stranger = spawn('sh', ['-c', 'sleep 300 & wait'], { detached: true, stdio: 'ignore' });
    const census = new Census();
    census.register('token', stranger.pid!, readStat(stranger.pid!)!.startTicks);
    expect(census.membersOf('token')).toEqual([stranger.pid]);
    census.reaped(stranger.pid!);
    census.scan();
    expect(census.membersOf('token')).toEqual([]);
    process.kill(-stranger.pid!, 'SIGKILL');
  });

  it('refuses a process that does not lead a session', async () => {
    const child = spawn('sleep', ['300'], { stdio: 'ignore' });
    expect(() => new ProcessTree(child.pid!, 'token', new Census())).toThrow(/does not lead a session/);
    child.kill('SIGKILL');
  });
});

function lives(pid: number): boolean {
  const stat = readStat(pid);
  return stat !== undefined && !isDefunct(stat);
}

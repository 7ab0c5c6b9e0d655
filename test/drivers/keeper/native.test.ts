import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { endingOf } from '../../../src/drivers/keeper/wait-status.js';

const FIXTURE = new URL('../../fixtures/native-calls.mjs', import.meta.url).pathname;

/** Runs one case of the fixture in a process of its own, because waitpid(-1) would reap the children of this one. */
function native(name: string, ...stdio: ('ignore' | number)[]): Record<string, unknown> {
  const printed = execFileSync(process.execPath, [FIXTURE, name], { stdio: ['ignore', 'pipe', 'inherit', ...stdio] });
  return JSON.parse(printed.toString());
}

describe('the native calls of the keeper', () => {
  it('spawn a program with its arguments, environment and directory, as the leader of a session', () => {
    const { printed, status } = native('runs') as { printed: string; status: number };
    const [zero, variable, directory, session, pid] = printed.trim().split(' ');
    expect([zero, variable, directory]).toEqual(['zero', 'b', '/tmp']);
    expect(session).toBe(pid);
    expect(endingOf(status)).toEqual({ code: 7, signal: null });
  });

  it('return the errno of a program or a directory that does not exist', () => {
    expect(native('missing')).toEqual({ errno: 2 });
    expect(native('directory')).toEqual({ errno: 2 });
  });

  it('look for a program in the PATH of its own environment', () => {
    expect(native('path')).toEqual({ errno: 2 });
  });

  it('give a program its three descriptors and no other', () => {
    expect(native('descriptors')).toMatchObject({ printed: '0\n1\n2\n' });
  });

  it('give a program the default signal handlers and no blocked signal', () => {
    expect(native('signals')).toMatchObject({
      printed: 'SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n',
    });
  });

  it('brand a program so that env -i and setsid do not take the brand away, and keep the limit of the keeper', () => {
    expect(native('brand')).toEqual({ child: '4711', same: true });
  });

  it('reap an orphan in a session of its own', () => {
    const { status } = native('orphan') as { status: number };
    expect(endingOf(status)).toEqual({ code: 9, signal: null });
  });

  it('return the raw status of a real-time signal', () => {
    const { status } = native('signal') as { status: number };
    expect(endingOf(status)).toEqual({ code: null, signal: 'SIGRTMIN+2' });
  });

  it('return null when there is no child', () => {
    expect(native('none')).toBeNull();
  });

  it('close the descriptors that the keeper has inherited', () => {
    const held = openSync('/dev/null', 'r');
    try {
      const gap = Array.from({ length: 17 }, () => 'ignore' as const);
      expect(native('inherited', ...gap, held)).toMatchObject({ open: false });
    } finally {
      closeSync(held);
    }
  });

  it('make all pipes or none when the descriptors are used up', () => {
    const printed = execFileSync('sh', ['-c', `ulimit -n 64; exec "$0" "$1" exhausted`, process.execPath, FIXTURE]);
    expect(JSON.parse(printed.toString())).toEqual({ three: 24, one: 1 });
  });
});

describe('endingOf', () => {
  it('tells codes and signals apart', () => {
    expect(endingOf(0)).toEqual({ code: 0, signal: null });
    expect(endingOf(255 << 8)).toEqual({ code: 255, signal: null });
    expect(endingOf(9)).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('ignores the flag of a core dump, and prefers the common of two names', () => {
    expect(endingOf(0x80 | 11)).toEqual({ code: null, signal: 'SIGSEGV' });
    expect(endingOf(6)).toEqual({ code: null, signal: 'SIGABRT' });
    expect(endingOf(29)).toEqual({ code: null, signal: 'SIGIO' });
  });

  it('names the real-time signals from SIGRTMIN, and gives the others their number', () => {
    expect(endingOf(34)).toEqual({ code: null, signal: 'SIGRTMIN+0' });
    expect(endingOf(64)).toEqual({ code: null, signal: 'SIGRTMIN+30' });
    expect(endingOf(33)).toEqual({ code: null, signal: 'signal 33' });
  });
});

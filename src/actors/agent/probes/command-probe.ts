import { type ChildProcess, spawn } from 'node:child_process';
import type { StartOrder } from '../../../drivers/driver.js';
import type { ExecChain } from '../../../drivers/keeper/exec-chain.js';
import { killAtExit } from '../../../drivers/local/exit-hook.js';
import { limitProblem } from '../../../drivers/local/spawn.js';
import { messageOf } from '../../../errors.js';
import type { Probe, ProbeClock, ProbeResult } from './probe.js';

export interface ProbeCommand {
  readonly command: readonly string[];
  readonly cwd: string | null;
  /** If undefined, the environment of this process. */
  readonly env: StartOrder['env'] | undefined;
  /** What gives it the user, the group and the umask of the agent; as text, why it cannot have them. If not given, it has those of this process. */
  readonly chain?: ExecChain | string;
  readonly clock: ProbeClock;
}

/**
 * Passes when the command exits with 0. It runs in a process group of its own, without input and output. Its group is killed at the end, also at the end
 * of this program, so that a probe leaves no process behind.
 */
export function commandProbe(probe: ProbeCommand): Probe {
  return (timeout, done) => runProbe(probe, timeout, done);
}

function runProbe(probe: ProbeCommand, timeout: number, done: (result: ProbeResult) => void): () => void {
  const name = `probe ${probe.command.join(' ')}`;
  let over = false;
  const finish = (result?: ProbeResult) => {
    if (over) return;
    over = true;
    probe.clock.clearTimeout(timer);
    leaveExit();
    if (result !== undefined) done(result);
  };
  const child = begin(probe, (problem) => finish({ outcome: 'unknown', text: `${name} did not run: ${problem}` }));
  // One round of SIGKILL is enough: signalled processes cannot fork any more.
  const leaveExit = killAtExit(() => {
    if (child !== undefined) killGroup(child);
    return true;
  });
  const timer = probe.clock.setTimeout(() => {
    if (over || child === undefined) return;
    killGroup(child);
    finish({ outcome: 'failed', text: `${name} did not end within ${timeout} ms` });
  }, timeout);
  child?.once('exit', (code, signal) => {
    // It was reaped just now, so its pid cannot have been reused: that takes a whole cycle of the kernel's counter.
    if (child.pid !== undefined) killLeftovers(child.pid);
    const text = `${name} ended with ${signal ?? `code ${code}`}`;
    finish(code === 0 ? { outcome: 'passed' } : { outcome: 'failed', text });
  });
  return () => {
    if (!over && child !== undefined) killGroup(child);
    finish();
  };
}

function begin(probe: ProbeCommand, failed: (problem: string) => void): ChildProcess | undefined {
  const { chain = NO_CHAIN } = probe;
  if (typeof chain === 'string') {
    probe.clock.defer(() => failed(chain));
    return undefined;
  }
  const [program = '', ...args] = [...chain.words, ...probe.command];
  try {
    const child = spawn(program, args, {
      detached: true,
      stdio: 'ignore',
      ...(probe.env === undefined ? {} : { env: { ...withoutToken(probe.env()), ...chain.env } }),
      ...(probe.cwd === null ? {} : { cwd: probe.cwd }),
    });
    return child.on('error', (error) => failed(limitProblem(error) ?? messageOf(error)));
  } catch (error) {
    probe.clock.defer(() => failed(limitProblem(error) ?? messageOf(error)));
    return undefined;
  }
}

const NO_CHAIN: ExecChain = { words: [], env: {} };

/** With the agent's token a probe would count as one of its processes. */
function withoutToken(env: Readonly<Record<string, string>>): Record<string, string> {
  const { SUPERTREE_TOKEN: _, SUPERTREE_NOTIFY_FD: __, ...rest } = env;
  return rest;
}

/** Only until it is reaped: until then its pid cannot be reused. */
function killGroup(child: ChildProcess): void {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) killLeftovers(child.pid);
}

function killLeftovers(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // ESRCH: nothing was left
  }
}

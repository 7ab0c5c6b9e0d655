import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../../contract/clock.js';
import { killAtExit } from '../../drivers/local/exit-hook.js';
import { messageOf } from '../../errors.js';

export interface ProbeCommand {
  readonly command: readonly string[];
  readonly cwd: string | null;
  /** If undefined, the environment of this process. */
  readonly env: Readonly<Record<string, string>> | undefined;
  /** In ms; then its process group is killed and the run has failed. */
  readonly timeout: number;
  readonly clock: Clock;
}

/** Why a probe did not exit with 0, as text. `ran` is false when the command could not be started. */
export interface ProbeFailure {
  readonly text: string;
  readonly ran: boolean;
}

/**
 * Runs a probe in a process group of its own, without input and output. Calls `done` once, later: with `null` when it exited with 0, else with the
 * reason. Its group is killed at the end, also at the end of this program, so that a probe leaves no process behind. Returns a function that cancels it;
 * `done` is not called then.
 */
export function runProbe(probe: ProbeCommand, done: (failure: ProbeFailure | null) => void): () => void {
  const name = probe.command.join(' ');
  let over = false;
  const finish = (failure: ProbeFailure | null, silent = false) => {
    if (over) return;
    over = true;
    probe.clock.clearTimeout(timer);
    leaveExit();
    if (!silent) done(failure);
  };
  const child = begin(probe, (problem) => finish({ text: `probe ${name} did not run: ${problem}`, ran: false }));
  // One round of SIGKILL is enough: signalled processes cannot fork any more.
  const leaveExit = killAtExit(() => {
    if (child !== undefined) killGroup(child);
    return true;
  });
  const timer = probe.clock.setTimeout(() => {
    if (over || child === undefined) return;
    killGroup(child);
    finish({ text: `probe ${name} did not end within ${probe.timeout} ms`, ran: true });
  }, probe.timeout);
  child?.once('exit', (code, signal) => {
    // It was reaped just now, so its pid cannot have been reused: that takes a whole cycle of the kernel's counter.
    if (child.pid !== undefined) killLeftovers(child.pid);
    const text = `probe ${name} ended with ${signal ?? `code ${code}`}`;
    finish(code === 0 ? null : { text, ran: true });
  });
  return () => {
    if (!over && child !== undefined) killGroup(child);
    finish(null, true);
  };
}

function begin(probe: ProbeCommand, failed: (problem: string) => void): ChildProcess | undefined {
  const [program = '', ...args] = probe.command;
  try {
    const child = spawn(program, args, {
      detached: true,
      stdio: 'ignore',
      ...(probe.env === undefined ? {} : { env: withoutToken(probe.env) }),
      ...(probe.cwd === null ? {} : { cwd: probe.cwd }),
    });
    return child.on('error', (error) => failed(messageOf(error)));
  } catch (error) {
    probe.clock.defer(() => failed(messageOf(error)));
    return undefined;
  }
}

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

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { messageOf } from '../../errors.js';
import { usesNotify } from '../../model/liveness.js';
import { fillTemplate } from '../../model/template.js';
import type { StartOrder } from '../driver.js';
import { optionProblem } from '../option-problem.js';
import { NOTIFY_FD } from './notify-channel.js';

/** A child that may still fail to run (`child.pid` is then undefined and `error` follows), or why there is none. */
export type Spawned = { readonly child: ChildProcess } | { readonly problem: string };

/** Spawns the command of an order in a session of its own. Never throws. */
export function spawnProcess(order: StartOrder): Spawned {
  const problem = optionProblem('local', order.spec) ?? directoryProblem(order.cwd);
  if (problem !== null) return { problem };
  const [program = '', ...args] = order.command;
  try {
    return { child: spawn(program, args, spawnOptions(order)) };
  } catch (error) {
    return { problem: spawnProblem(error, order) };
  }
}

/**
 * Why a spawn failed, as text that names the cause and contains nothing of the environment. The kernel's ENOENT does not distinguish a missing command
 * from a missing directory.
 */
export function spawnProblem(error: unknown, order: StartOrder): string {
  const program = shownProgram(order);
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return isFile(order.command[0] ?? '', order.cwd)
        ? `the interpreter of ${program} was not found`
        : `command ${program} not found`;
    case 'EACCES':
      return `${program} is not executable`;
    case 'ENOEXEC':
      return `${program} is not a program that this machine can run`;
    case 'ERR_INVALID_ARG_VALUE':
      return 'its command, its environment and its working directory must be text without null bytes';
    default:
      // Node's message repeats the program.
      return limitProblem(error) ?? `${program} cannot be run (${codeOf(error)})`;
  }
}

/** Which limit of the system a spawn has met, as text that names where to look for it; `undefined` when it failed for another reason. */
export function limitProblem(error: unknown): string | undefined {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'E2BIG':
      return 'the arguments and the environment are longer than the system allows (E2BIG)';
    case 'EMFILE':
    case 'ENFILE':
      return `no file descriptors are left for its pipes; raise the limit with ulimit -n (${codeOf(error)})`;
    case 'EAGAIN':
      return 'the system allows no more processes; see ulimit -u and pids.max (EAGAIN)';
    case 'ENOMEM':
      return 'the system has no memory for another process (ENOMEM)';
    default:
      return undefined;
  }
}

/** The program as in the spec: `{env:NAME}` is not replaced, because its value may be a secret. */
function shownProgram({ spec, incarnation, ports }: StartOrder): string {
  const [program = ''] = spec.body.type === 'command' ? spec.body.command : [];
  return fillTemplate(program, { id: spec.id, incarnation, ports });
}

/** Closes the pipes of a child that never ran. */
export function discard(child: ChildProcess): void {
  for (const stream of child.stdio ?? []) {
    stream?.on('error', () => {});
    stream?.destroy();
  }
}

function spawnOptions(order: StartOrder): SpawnOptions {
  const env: NodeJS.ProcessEnv = { ...order.env(), SUPERTREE_TOKEN: order.token };
  const notify = usesNotify(order.spec);
  if (notify) env.SUPERTREE_NOTIFY_FD = String(NOTIFY_FD);
  else delete env.SUPERTREE_NOTIFY_FD; // one that we inherited ourselves means another descriptor
  const input = order.spec.process.stdin === 'closed' ? 'ignore' : 'pipe';
  return {
    env,
    detached: true,
    stdio: [input, 'pipe', 'pipe', ...(notify ? (['pipe'] as const) : [])],
    ...(order.cwd === null ? {} : { cwd: order.cwd }),
  };
}

/** Why a process cannot begin in this directory; `null` when it can. */
export function directoryProblem(cwd: string | null): string | null {
  if (cwd === null) return null;
  try {
    if (!statSync(cwd).isDirectory()) return `working directory ${cwd} is not a directory`;
    accessSync(cwd, constants.X_OK);
    return null;
  } catch (error) {
    const missing = codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
    return `working directory ${cwd} ${missing ? 'does not exist' : `cannot be entered (${codeOf(error)})`}`;
  }
}

function isFile(program: string, cwd: string | null): boolean {
  if (!program.includes('/')) return false;
  try {
    return statSync(program.startsWith('/') || cwd === null ? program : `${cwd}/${program}`).isFile();
  } catch {
    return false; // missing, as the spawn said
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? messageOf(error);
}

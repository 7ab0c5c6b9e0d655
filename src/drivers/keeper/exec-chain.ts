import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { RESOURCES, type ResourceName } from '../../model/process.js';
import type { AgentSpec } from '../../model/spec.js';
import type { StartOrder } from '../driver.js';
import { spawnProblem } from '../local/spawn.js';
import { type Account, accountOf, groupIdOf } from './account.js';
import { isProgram, toolPath } from './tool-path.js';

/*
 * What posix_spawn(3) cannot set is set by programs that run one another by execve(2), each in the same process: nice(1), prlimit(1), setpriv(1). They are
 * used only where a spec asks for it. What the system would refuse is refused before the start, by a sentence with the field, the rule and the value.
 */

/** Words before the command of an order, and variables that belong to its user. */
export interface ExecChain {
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The chain of an order; as text, why its process cannot have what its spec asks for. */
export function execChain(order: StartOrder): ExecChain | string {
  const { rlimits, nice } = order.spec.process;
  const limits = limitWords(rlimits);
  const identity = identityOf(order.spec);
  if (typeof limits === 'string') return limits;
  if (typeof identity === 'string') return identity;
  const words = [...limits, ...identity.words];
  const chain = { words, env: identity.env };
  if (words.length === 0 && nice === null) return chain;
  if (nice !== null && toolPath('nice') === null) return missing('nice', 'nice');
  return programProblem(order) ?? chain;
}

/**
 * The chain of another program, such as a probe, with the user, the group and the umask of the agent that `order` has started; as text, why it cannot be run
 * so. A driver that gives no such attributes has refused the agent.
 */
export function identityChain(order: StartOrder, command: readonly string[]): ExecChain | string {
  const identity = identityOf(order.spec);
  if (typeof identity === 'string') return identity;
  const { umask } = order.spec.process;
  const masked = umask === null ? [] : ['/bin/sh', '-c', `umask ${umask.toString(8)}; exec "$@"`, 'sh'];
  const words = [...identity.words, ...masked];
  if (words.length === 0) return { words, env: identity.env };
  const spec = { ...order.spec, body: { type: 'command', command } } as const;
  return programProblem({ ...order, spec, command }) ?? { words, env: identity.env };
}

function limitWords(rlimits: AgentSpec['process']['rlimits']): string[] | string {
  const entries = Object.entries(rlimits) as [ResourceName, { soft: number; hard: number }][];
  if (entries.length === 0) return [];
  const tool = toolPath('prlimit');
  if (tool === null) return missing('rlimits', 'prlimit');
  for (const [name, { hard }] of entries) {
    const most = has(CAPABILITY.resource) ? Number.POSITIVE_INFINITY : hardLimitOf(name);
    if (hard > most) return `rlimits.${name} must be at most ${most}, the hard limit of this user, got ${wordOf(hard)}`;
  }
  const options = entries.map(([name, { soft, hard }]) => `--${name}=${wordOf(soft)}:${wordOf(hard)}`);
  return [tool, ...options, '--'];
}

function wordOf(limit: number): string {
  return limit === Number.POSITIVE_INFINITY ? 'unlimited' : String(limit);
}

/** The hard limit of this process, see proc_pid_limits(5). */
function hardLimitOf(name: ResourceName): number {
  const line = readFileSync('/proc/self/limits', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(RESOURCES[name]));
  const hard = line?.slice(RESOURCES[name].length).trim().split(/\s+/)[1];
  return hard === undefined || hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
}

function identityOf({ env, process: { user, group, unset } }: AgentSpec): ExecChain | string {
  if (user === null && group === null) return { words: [], env: {} };
  const account = user === null ? undefined : accountOf(user);
  if (account === null) return `user must be a name in /etc/passwd, or a uid, got ${JSON.stringify(user)}`;
  const gid = group === null ? account!.gid : groupIdOf(group);
  if (gid === null) return `group must be a name in /etc/group, or a gid, got ${JSON.stringify(group)}`;
  const words =
    has(CAPABILITY.setuid) && has(CAPABILITY.setgid)
      ? privilegeWords(account, gid)
      : ownIdentity(account, gid, user, group);
  if (typeof words === 'string') return words;
  const given = new Set([...Object.keys(env), ...unset]);
  const all = account === undefined ? [] : Object.entries(variablesOf(account));
  return { words, env: Object.fromEntries(all.filter(([name]) => !given.has(name))) };
}

/** With a user, the supplementary groups are those of /etc/group for it (initgroups(3)); else there are none. */
function privilegeWords(account: Account | undefined, gid: number): string[] | string {
  const tool = toolPath('setpriv');
  if (tool === null) return missing(account === undefined ? 'group' : 'user', 'setpriv');
  if (account === undefined) return [tool, `--regid=${gid}`, '--clear-groups', '--'];
  const hasName = account.name !== String(account.uid);
  return [tool, `--reuid=${account.uid}`, `--regid=${gid}`, hasName ? '--init-groups' : '--clear-groups', '--'];
}

/** Without privileges nobody becomes another user. */
function ownIdentity(
  account: Account | undefined,
  gid: number,
  user: string | number | null,
  group: string | number | null,
): string[] | string {
  const [uid, ownGid] = [process.geteuid?.(), process.getegid?.()];
  if (account !== undefined && account.uid !== uid)
    return `user must be that of the supervisor, uid ${uid}, unless it runs as root, got ${JSON.stringify(user)}`;
  if (group !== null && gid !== ownGid)
    return `group must be that of the supervisor, gid ${ownGid}, unless it runs as root, got ${JSON.stringify(group)}`;
  return [];
}

function variablesOf({ name, home, shell }: Account): Record<string, string> {
  return { HOME: home, USER: name, LOGNAME: name, SHELL: shell };
}

function missing(field: string, tool: string): string {
  return `${field} takes the program ${tool}, which was not found`;
}

/** The last program of a chain cannot report why it was not run, so it is looked for before, as execvp(3) would. */
function programProblem(order: StartOrder): string | null {
  const [name = ''] = order.command;
  const parents = name.includes('/') ? [''] : (order.env().PATH ?? '/bin:/usr/bin').split(':');
  const files = parents.map((parent) => resolve(order.cwd ?? '', join(parent, name)));
  if (files.some(isProgram)) return null;
  const exists = files.some((file) => statSync(file, { throwIfNoEntry: false }) !== undefined);
  return spawnProblem({ code: exists ? 'EACCES' : 'ENOENT' }, order);
}

/** Numbers of capabilities(7): whether they are effective decides, not whether this is root, which may lack them in a container. */
const CAPABILITY = { setgid: 6, setuid: 7, resource: 24 } as const;

function has(capability: number): boolean {
  const [, effective = '0'] = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return ((BigInt(`0x${effective}`) >> BigInt(capability)) & 1n) === 1n;
}

import { SupertreeError } from '../../errors.js';
import type { Blocker } from '../../model/agent.js';
import { childrenOf, commandLine, isDefunct, lastPid, type ProcStat, readStat } from '../proc/proc.js';
import type { Census, Scan } from './census.js';
import { groupExists, send } from './signals.js';

/** The living members of a tree. `certain`: when `alive` is empty, the tree is empty and stays so. */
export interface Look {
  readonly alive: readonly ProcStat[];
  readonly certain: boolean;
}

/**
 * The processes of one incarnation: the session of its main process, its descendants, and strays that carry its token. A process is identified by pid and
 * start ticks; another process under the same pid is never signalled. A defunct process counts as gone: it runs nothing, cannot be signalled, and is for
 * its parent to reap.
 */
export class ProcessTree {
  readonly pid: number;
  readonly #token: string;
  readonly #startTicks: number;
  readonly #census: Census;
  #reaped = false;

  /** `pid` must have been spawned as the leader of a new session and not be reaped yet. Throws INTERNAL when it does not lead one. */
  constructor(pid: number, token: string, census: Census) {
    const stat = readStat(pid);
    if (stat === undefined || stat.group !== pid || stat.session !== pid || pid === ownGroup || pid <= 1)
      throw new SupertreeError('INTERNAL', { problem: `process ${pid} does not lead a session of its own` });
    this.pid = pid;
    this.#token = token;
    this.#startTicks = stat.startTicks;
    this.#census = census;
    census.register(token, pid, stat.startTicks);
  }

  /** The main process ended and was waited for. */
  reaped(): void {
    this.#reaped = true;
    this.#census.reaped(this.pid);
  }

  /** The tree is empty or abandoned. */
  release(): void {
    this.#census.unregister(this.#token, this.pid);
  }

  /** Finds every living member. If no scan is given, the scan of this turn is used. */
  look(scan: Scan = this.#census.scan()): Look {
    const alive: ProcStat[] = [];
    let ended = 0;
    const found = this.#census.membersOf(this.#token);
    for (let at = 0; at < found.length; at += 1) {
      const stat = this.#living(found[at]!);
      if (stat === 'ended') ended += 1;
      else if (stat !== undefined) {
        alive.push(stat);
        for (const child of childrenOf(stat.pid)) if (this.#census.take(child, this.#token)) found.push(child);
      }
    }
    // A member that ended during the check may have forked just before, unnoticed by the scan.
    const quiet = ended === 0 || lastPid() === scan.lastPid;
    return { alive, certain: scan.certain && quiet && (alive.length > 0 || this.#groupIsGone()) };
  }

  /** Signals the group, then each living member outside of it. */
  signal(signal: NodeJS.Signals | number, look: Look = this.look()): void {
    this.signalGroup(signal, look);
    for (const member of look.alive)
      if (member.group !== this.pid && readStat(member.pid)?.startTicks === member.startTicks) send(member.pid, signal);
  }

  /** Signals the main process alone: its pid cannot be reused until it is reaped. */
  signalMain(signal: NodeJS.Signals | number): void {
    if (!this.#reaped) send(this.pid, signal);
  }

  /** Signals the group alone. False when it is not certain that the group is still the agent's. */
  signalGroup(signal: NodeJS.Signals | number, look?: Look): boolean {
    return this.#groupIsOurs(look) && send(-this.pid, signal);
  }

  /** Every living member as a blocker. */
  blockers(): Blocker[] {
    return this.look().alive.map((stat) => ({ pid: stat.pid, state: stat.state, command: commandLine(stat) }));
  }

  /** The members by the last scan of this turn: one listing of /proc serves all trees, and no member is read again. */
  members(): number[] {
    this.#census.scan();
    return this.#census.membersOf(this.#token);
  }

  #living(pid: number): ProcStat | 'ended' | undefined {
    const member = this.#census.record(pid);
    if (member === undefined || member.defunct) return undefined;
    const stat = readStat(pid);
    if (stat === undefined || stat.startTicks !== member.startTicks) return 'ended';
    if (!isDefunct(stat)) return stat;
    member.defunct = true;
    return 'ended';
  }

  /**
   * Until the main process is reaped, its pid, and with it the group id, cannot be reused. Afterwards the id stays taken as long as a member lives: a
   * member in the session of the agent proves that, because no process can join a session.
   */
  #groupIsOurs(look: Look | undefined): boolean {
    const leader = readStat(this.pid);
    // An unreaped process whose state cannot be read, for want of a descriptor, is still the main process.
    if (!this.#reaped)
      return leader === undefined || (leader.startTicks === this.#startTicks && leader.group === this.pid);
    const members = (look ?? this.look()).alive.filter((member) => member.group === this.pid);
    return members.some((member) => {
      const now = readStat(member.pid);
      return now?.startTicks === member.startTicks && now.session === this.pid;
    });
  }

  /** Called when no member lives: a group that still exists consists of defunct members, or is foreign, or contains an unknown process. */
  #groupIsGone(): boolean {
    if (!groupExists(this.pid)) return true;
    const leader = readStat(this.pid);
    if (leader !== undefined && leader.startTicks !== this.#startTicks) return true;
    if (this.#census.membersOf(this.#token).some((pid) => this.#census.record(pid)?.defunct)) return true;
    this.#census.distrust();
    return false;
  }
}

const ownGroup = readStat('self')?.group ?? 0;

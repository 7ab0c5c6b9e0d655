import { environValue, forksSinceBoot, lastPid, listPids, type ProcStat, pidMax, readStat } from '../proc/proc.js';

/** The record of a process that belongs to an incarnation. */
export interface MemberRecord {
  readonly owner: string;
  readonly startTicks: number;
  readonly session: number;
  /** It was seen defunct: it cannot fork any more. */
  defunct: boolean;
}

/** One scan of /proc. `certain` when no member can have been missed because of a fork during the scan. */
export interface Scan {
  readonly certain: boolean;
  readonly lastPid: number;
}

/**
 * Knows which processes of the machine belong to which incarnation: by the token in their environment, by their session, or by the owner of their parent
 * when they were first seen. Each process is read once: its attribution holds until it is gone. One census serves all incarnations of a driver; scans in
 * one turn of the event loop are one scan.
 */
export class Census {
  /** `null` for foreign processes. Those that existed before the census are foreign, and never read. */
  readonly #seen = new Map<number, MemberRecord | null>();
  readonly #members = new Map<string, Set<number>>();
  readonly #sessions = new Map<number, string>();
  /** Sessions whose leader was reaped: the number is reused once they have no members. */
  readonly #orphaned = new Set<number>();
  #last: Scan = { certain: true, lastPid: lastPid() };
  #fresh = false;
  #forks = forksSinceBoot();
  #countedAt = performance.now();
  /** The kernel's pid counter when the last listing began. */
  #counter = lastPid();
  #suspect = false;
  readonly #pidMax = pidMax();

  constructor() {
    for (const pid of listPids() ?? []) this.#seen.set(pid, null);
  }

  /** Adds an incarnation with its main process, which leads a session of its own. */
  register(token: string, pid: number, startTicks: number): void {
    this.#members.set(token, new Set());
    this.#sessions.set(pid, token);
    this.#adopt(pid, token, { startTicks, session: pid });
  }

  /** Forgets an incarnation. */
  unregister(token: string, pid: number): void {
    for (const member of this.#members.get(token) ?? []) this.#seen.delete(member);
    this.#members.delete(token);
    if (this.#sessions.get(pid) === token) this.#forgetSession(pid);
  }

  /** The main process was reaped: its pid may be reused, and earlier scans do not prove that the tree is empty. */
  reaped(pid: number): void {
    this.#forget(pid);
    this.#orphaned.add(pid);
    this.#fresh = false;
  }

  /** Makes the next scan a new one. */
  touch(): void {
    this.#fresh = false;
  }

  /** The records do not explain an observation: the next scan reads every process again. */
  distrust(): void {
    this.#suspect = true;
    this.#fresh = false;
  }

  membersOf(token: string): number[] {
    return [...(this.#members.get(token) ?? [])];
  }

  record(pid: number): MemberRecord | undefined {
    return this.#seen.get(pid) ?? undefined;
  }

  /** Adds a process that was found as the child of a member. False when it is known or gone. */
  take(pid: number, token: string): boolean {
    if (this.#seen.get(pid)?.owner === token) return false;
    const stat = readStat(pid);
    if (stat !== undefined) this.#adopt(pid, token, stat);
    return stat !== undefined;
  }

  /** Scans /proc, unless that was done in this turn. */
  scan(): Scan {
    if (this.#fresh) return this.#last;
    this.#last = this.#look();
    this.#fresh = true;
    setImmediate(() => {
      this.#fresh = false;
    });
    return this.#last;
  }

  #look(): Scan {
    if (this.#suspect || this.#mayHaveLapped()) this.#reread(() => true);
    this.#suspect = false;
    const blank = new Set<number>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const before = lastPid();
      this.#passed(this.#counter, before);
      this.#counter = before;
      const listed = listPids();
      // Nothing was seen, so nothing is forgotten.
      if (listed === undefined) break;
      const { lost, doubtful } = this.#absorb(listed, blank);
      const after = lastPid();
      const quiet = after === before || (lost === 0 && nothingBetween(before, after, listed));
      if (quiet && !doubtful) return { certain: true, lastPid: after };
    }
    return { certain: false, lastPid: this.#counter };
  }

  /** Adds new processes and drops those that are gone. `lost`: the number that ended before they could be read and may have forked just before. */
  #absorb(listed: readonly number[], blank: Set<number>): { lost: number; doubtful: boolean } {
    let lost = 0;
    let doubtful = false;
    this.#dropMissing(listed);
    for (const pid of listed) {
      if (this.#seen.has(pid)) continue;
      const found = this.#attribute(pid, blank);
      if (found === 'lost') lost += 1;
      if (found === 'blank') doubtful = true;
    }
    this.#closeSessions(() => true);
    return { lost, doubtful };
  }

  /** Usually no process has gone; then no set of hundreds of pids is made at each scan. */
  #dropMissing(listed: readonly number[]): void {
    let known = 0;
    for (const pid of listed) if (this.#seen.has(pid)) known += 1;
    if (known === this.#seen.size) return;
    const present = new Set(listed);
    for (const pid of this.#seen.keys()) if (!present.has(pid)) this.#forget(pid);
  }

  /** A process with an empty environment may be in the middle of execve(2): its attribution is decided by the second scan. */
  #attribute(pid: number, blank: Set<number>): 'known' | 'lost' | 'blank' {
    const token = environValue(pid, 'SUPERTREE_TOKEN');
    const stat = readStat(pid);
    if (stat === undefined) return 'lost';
    // The leader of our session was reaped, so this leader is a foreign process with the same number.
    if (stat.session === pid && this.#orphaned.has(pid)) this.#forgetSession(pid);
    const named = token && this.#members.has(token) ? token : undefined;
    const owner = named ?? this.#sessions.get(stat.session) ?? this.#seen.get(stat.parent)?.owner;
    if (owner === undefined && token === undefined && stat.state !== 'Z' && !blank.has(pid)) {
      blank.add(pid);
      return 'blank';
    }
    if (owner === undefined) this.#seen.set(pid, null);
    else this.#adopt(pid, owner, stat);
    return stat.state === 'Z' && owner === undefined ? 'lost' : 'known';
  }

  #adopt(pid: number, owner: string, { startTicks, session }: Pick<ProcStat, 'startTicks' | 'session'>): void {
    this.#forget(pid);
    this.#seen.set(pid, { owner, startTicks, session, defunct: false });
    this.#members.get(owner)?.add(pid);
  }

  #forget(pid: number): void {
    const member = this.#seen.get(pid);
    if (member) this.#members.get(member.owner)?.delete(pid);
    this.#seen.delete(pid);
  }

  /**
   * The kernel reuses a pid only when its counter passes it. So the pids that the counter has passed since the last scan, from `from` to `to` and perhaps
   * around the end of the range, may belong to other processes by now.
   */
  #passed(from: number, to: number): void {
    if (from <= to) this.#reread((pid) => pid > from && pid <= to);
    else this.#reread((pid) => pid > from || pid <= to);
  }

  /** True when so many processes were started since the last scan that the counter may have passed its old value again. */
  #mayHaveLapped(): boolean {
    const at = performance.now();
    if (at - this.#countedAt < QUICK) return false;
    this.#countedAt = at;
    const forks = forksSinceBoot();
    const started = forks - this.#forks;
    this.#forks = forks;
    return forks === 0 || started >= this.#pidMax / 2;
  }

  /** Forgets processes in doubt, except members that their start ticks identify. */
  #reread(inDoubt: (pid: number) => boolean): void {
    for (const [pid, member] of this.#seen)
      if (inDoubt(pid) && (member === null || readStat(pid)?.startTicks !== member.startTicks)) this.#forget(pid);
    this.#closeSessions(inDoubt);
  }

  /** A session without a leader and without a member is over, and a foreign process may lead a new one of the same number. */
  #closeSessions(inDoubt: (session: number) => boolean): void {
    for (const session of this.#orphaned)
      if (inDoubt(session) && !this.#livesIn(session, this.#sessions.get(session))) this.#forgetSession(session);
  }

  #livesIn(session: number, token: string | undefined): boolean {
    const members = token === undefined ? [] : this.membersOf(token);
    return members.some((pid) => {
      const member = this.#seen.get(pid);
      return member?.session === session && readStat(pid)?.startTicks === member.startTicks;
    });
  }

  #forgetSession(session: number): void {
    this.#sessions.delete(session);
    this.#orphaned.delete(session);
  }
}

/** True when the scan saw every process that was born during it. */
function nothingBetween(before: number, after: number, listed: readonly number[]): boolean {
  if (after < before || after - before > 64) return false;
  const present = new Set(listed);
  for (let pid = before + 1; pid <= after; pid += 1) {
    if (!present.has(pid) && readStat(pid) !== undefined) return false;
  }
  return true;
}

/** How often a disturbed scan is repeated before it counts as uncertain. */
const ROUNDS = 5;

/** Within so many ms no machine starts half a table of processes. */
const QUICK = 100;

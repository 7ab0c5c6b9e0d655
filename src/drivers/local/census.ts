import { environValue, forksSinceBoot, lastPid, listPids, type ProcStat, pidMax, readStat } from '../proc/proc.js';

/** What is remembered of a process that belongs to an incarnation. */
export interface Citizen {
  readonly owner: string;
  readonly startTicks: number;
  readonly session: number;
  /** It was seen defunct: it cannot fork any more. */
  defunct: boolean;
}

/** One look over /proc. `certain` when no member can have slipped through by forking during the look. */
export interface Scan {
  readonly certain: boolean;
  readonly lastPid: number;
}

/**
 * Knows which processes of the machine belong to which incarnation, by the token in their environment, by their session, or by
 * the owner of their parent when they were first seen. Each process is read once, however often it is looked at: an attribution
 * holds until the process is gone. One census serves all incarnations of a driver; looks of one turn of the event loop are one look.
 */
export class Census {
  /** `null`: not ours. What was there before us cannot become ours, so it is never read. */
  readonly #seen = new Map<number, Citizen | null>();
  readonly #members = new Map<string, Set<number>>();
  readonly #sessions = new Map<number, string>();
  /** Sessions whose leader was reaped: their number stays taken only as long as they have members. */
  readonly #orphaned = new Set<number>();
  #last: Scan = { certain: true, lastPid: lastPid() };
  #fresh = false;
  #forks = forksSinceBoot();
  #countedAt = performance.now();
  /** Where the kernel's counter stood when the last listing began. */
  #counter = lastPid();
  #suspect = false;
  readonly #pidMax = pidMax();

  constructor() {
    for (const pid of listPids()) this.#seen.set(pid, null);
  }

  /** A new incarnation with its main process, which leads a session of its own. */
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

  /** The main process was reaped: its pid is no longer ours, and a look from before is no proof that nothing is left. */
  reaped(pid: number): void {
    this.#forget(pid);
    this.#orphaned.add(pid);
    this.#fresh = false;
  }

  /** The next look is a new one. */
  touch(): void {
    this.#fresh = false;
  }

  /** Something was found that the records do not explain: the next look reads every process anew. */
  distrust(): void {
    this.#suspect = true;
    this.#fresh = false;
  }

  membersOf(token: string): number[] {
    return [...(this.#members.get(token) ?? [])];
  }

  citizen(pid: number): Citizen | undefined {
    return this.#seen.get(pid) ?? undefined;
  }

  /** Takes in a process that was found as the child of a member. False when it is known or gone. */
  take(pid: number, token: string): boolean {
    if (this.#seen.get(pid)?.owner === token) return false;
    const stat = readStat(pid);
    if (stat !== undefined) this.#adopt(pid, token, stat);
    return stat !== undefined;
  }

  /** Looks over /proc, unless that was done in this turn. */
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
      const { lost, doubtful } = this.#absorb(listed, blank);
      const after = lastPid();
      const quiet = after === before || (lost === 0 && nothingBetween(before, after, listed));
      if (quiet && !doubtful) return { certain: true, lastPid: after };
    }
    return { certain: false, lastPid: this.#counter };
  }

  /** Takes in what is new and drops what is gone. `lost`: how many ended before they could be read and may have forked just before. */
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

  /** Mostly everybody is still there; then no set is made of hundreds of pids at every look. */
  #dropMissing(listed: readonly number[]): void {
    let known = 0;
    for (const pid of listed) if (this.#seen.has(pid)) known += 1;
    if (known === this.#seen.size) return;
    const present = new Set(listed);
    for (const pid of this.#seen.keys()) if (!present.has(pid)) this.#forget(pid);
  }

  /** A process without any environment may be in the middle of execve(2): it is believed at the second look. */
  #attribute(pid: number, blank: Set<number>): 'known' | 'lost' | 'blank' {
    const token = environValue(pid, 'SUPERTREE_TOKEN');
    const stat = readStat(pid);
    if (stat === undefined) return 'lost';
    // Ours was reaped, so this leader is a stranger who was given the number again.
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
    const citizen = this.#seen.get(pid);
    if (citizen) this.#members.get(citizen.owner)?.delete(pid);
    this.#seen.delete(pid);
  }

  /**
   * A pid comes again only when the kernel's counter goes over it. So what the counter has passed since the last look, from `from`
   * to `to` and perhaps around the end of the table, may be somebody else by now.
   */
  #passed(from: number, to: number): void {
    if (from <= to) this.#reread((pid) => pid > from && pid <= to);
    else this.#reread((pid) => pid > from || pid <= to);
  }

  /** True when so many processes were started since the last look that the counter may have gone around and past its old value. */
  #mayHaveLapped(): boolean {
    const at = performance.now();
    if (at - this.#countedAt < QUICK) return false;
    this.#countedAt = at;
    const forks = forksSinceBoot();
    const started = forks - this.#forks;
    this.#forks = forks;
    return forks === 0 || started >= this.#pidMax / 2;
  }

  /** Forgets those in doubt, but for members that can be told by their start. */
  #reread(inDoubt: (pid: number) => boolean): void {
    for (const [pid, citizen] of this.#seen)
      if (inDoubt(pid) && (citizen === null || readStat(pid)?.startTicks !== citizen.startTicks)) this.#forget(pid);
    this.#closeSessions(inDoubt);
  }

  /** A session without a leader and without a member is over, and its number may be given to a stranger who leads a new one. */
  #closeSessions(inDoubt: (session: number) => boolean): void {
    for (const session of this.#orphaned)
      if (inDoubt(session) && !this.#livesIn(session, this.#sessions.get(session))) this.#forgetSession(session);
  }

  #livesIn(session: number, token: string | undefined): boolean {
    const members = token === undefined ? [] : this.membersOf(token);
    return members.some((pid) => {
      const citizen = this.#seen.get(pid);
      return citizen?.session === session && readStat(pid)?.startTicks === citizen.startTicks;
    });
  }

  #forgetSession(session: number): void {
    this.#sessions.delete(session);
    this.#orphaned.delete(session);
  }
}

/** True when every process that was born during a look was also seen by it. */
function nothingBetween(before: number, after: number, listed: readonly number[]): boolean {
  if (after < before || after - before > 64) return false;
  const present = new Set(listed);
  for (let pid = before + 1; pid <= after; pid += 1) {
    if (!present.has(pid) && readStat(pid) !== undefined) return false;
  }
  return true;
}

/** How often a disturbed look is repeated before it is called uncertain. */
const ROUNDS = 5;

/** In so many ms no machine starts half a table of processes. */
const QUICK = 100;

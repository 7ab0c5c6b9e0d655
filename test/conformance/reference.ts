/*
 * The rules of OTP supervision as a small model: a process with a mailbox, naive and obviously right. Written from the rules alone
 * (docs/otp.md has their ids); it shares nothing with the engine, so that the two can disagree. An operation is a generator: each
 * `yield` is a start or a stop under way, at which the process waits and reads no messages (reference-process.ts). What docs/otp.md names as deliberate
 * differences (terminate and a halt wait for no start, and nothing waits for the stop that a terminate began) is modelled as such.
 */

import { Intensity } from './reference-intensity.js';
import { type Call, type Operation as Pausing, Process, type Reply } from './reference-process.js';
import {
  type Exit,
  isAlive,
  isStarted,
  newRow,
  nextOutcome,
  type ReferenceChild,
  type ReferenceFlags,
  type Row,
  refusalOf,
  restartedWith,
  shutsDown,
} from './reference-row.js';

type Operation<T = void> = Pausing<Row, T>;
type Ending = 'start-failed' | 'shutdown';

export class Reference {
  /** `+a` for each try to start a, `-a` for each time a is told to stop, in order. */
  readonly log: string[] = [];
  readonly failures = new Map<string, number>();
  /** A failed boot (S2), or `shutdown` (R7, U1, P1). */
  end: Ending | null = null;
  booted = false;
  now = 0;
  #rows: Row[] = [];
  /** Set when its own stop begins. */
  #ending: Ending | null = null;
  /** Failed restarts that are tried again: at once, or by `again`. */
  #waiting: (() => Operation)[] = [];
  /** Under one_for_one, children do not wait for each other once the boot is over. */
  readonly #process = new Process<Row>(
    () => this.#flags.strategy !== 'one_for_one' || !this.booted,
    (id) => this.#find(id)?.phase === 'stopping',
  );
  readonly #flags: ReferenceFlags;
  readonly #intensity: Intensity;
  readonly #patient: boolean;
  readonly #slow: boolean;

  /** `patient`: after a failed restart it waits for `again` (R8); otherwise it tries again at once. `slow`: starts and stops wait for `settle`. */
  constructor(flags: ReferenceFlags, patient: boolean, slow = false) {
    this.#flags = flags;
    this.#intensity = new Intensity(flags);
    this.#patient = patient;
    this.#slow = slow;
  }

  /** S1, S2. */
  boot(children: readonly ReferenceChild[]): void {
    this.#rows = children.map((child) => newRow(child, []));
    this.#process.go(() => this.#boot());
  }

  /** What the process is doing; after its end, `ended`. */
  get status(): 'booting' | 'running' | 'stopping' | 'ended' {
    if (this.end) return 'ended';
    if (this.#ending) return 'stopping';
    return this.booted ? 'running' : 'booting';
  }

  /** The start or stop under way of this child is over. */
  settle(id: string): void {
    const row = this.#find(id);
    if (row?.phase === 'starting') this.#process.resume(row, nextOutcome(this.failures, row.id));
    else if (row?.phase === 'stopping') this.#gone(row);
  }

  /** A1, S5. */
  add(child: ReferenceChild, reply: Reply): void {
    this.#call({ id: child.id, adds: true, reply }, !this.#find(child.id), () => this.#add(child, reply));
  }

  /** A2. It waits neither for starts nor for other stops; a call that waits to start the child is superseded. */
  terminate(id: string, reply: Reply): void {
    this.#process.supersede((call) => call.id === id && !this.#process.isAwaited(id, this.#find(id)));
    this.#call({ id, adds: false, reply }, false, () => this.#terminate(id, reply));
  }

  /** A3, A9. */
  restart(id: string, reply: Reply): void {
    const starts = this.#find(id)?.phase === 'restarting' || refusalOf(this.#find(id)) === null;
    this.#call({ id, adds: false, reply }, starts, () => this.#restartChild(id, reply));
  }

  /** A4. */
  delete(id: string, reply: Reply): void {
    this.#call({ id, adds: false, reply }, false, () => this.#delete(id, reply));
  }

  /** A child ended by itself: R1, R2, R3, R4. */
  exit(id: string, reason: Exit): void {
    const row = this.#find(id);
    if (row?.phase === 'starting') return this.#process.resume(row, 'failed');
    if (row?.phase === 'stopping') return this.#gone(row);
    if (row?.phase !== 'up') return;
    if (this.#ending || row.turn) return this.#gone(row);
    row.phase = 'down';
    row.exit = reason;
    this.#process.send({ dead: row, read: () => this.#exited(row, reason) });
  }

  /** The next try of each failed restart (R8). */
  again(): void {
    for (const read of this.#waiting.splice(0)) if (!this.#ending) this.#process.send({ read });
  }

  /** P1. It does not wait for starts. */
  halt(): void {
    if (!this.#ending) this.#shutdown('shutdown');
  }

  /** A6: newest first. */
  which(): [id: string, phase: Row['phase']][] {
    return this.#rows.map((row): [string, Row['phase']] => [row.id, row.phase]).reverse();
  }

  /** A8. */
  count(): { specs: number; active: number } {
    return { specs: this.#rows.length, active: this.#rows.filter(isAlive).length };
  }

  *#boot(): Operation {
    for (const row of [...this.#rows]) {
      if (row.turn && !(yield* this.#start(row))) return this.#shutdown('start-failed');
    }
    this.booted = this.#ending === null;
  }

  *#add(child: ReferenceChild, reply: Reply): Operation {
    const known = this.#find(child.id);
    if (known) return reply(isStarted(known) ? 'ALREADY_STARTED' : 'ALREADY_PRESENT');
    const row = newRow(child, null);
    this.#rows.push(row);
    if (!(yield* this.#start(row, reply))) this.#forget(row);
  }

  #terminate(id: string, reply: Reply): null {
    const row = this.#find(id);
    if (!row) {
      reply('NOT_FOUND');
      return null;
    }
    row.terminated = true;
    row.terminates.push(reply);
    if (row.phase === 'stopping') return null;
    const { phase } = row;
    row.turn = null;
    if (phase === 'up' || phase === 'starting') this.#ask(row);
    else this.#gone(row);
    if (phase === 'starting') this.#process.resume(row, 'stopped');
    return null;
  }

  *#restartChild(id: string, reply: Reply): Operation {
    const refusal = refusalOf(this.#find(id));
    if (refusal) return reply(refusal);
    yield* this.#start(this.#find(id)!, reply);
  }

  #delete(id: string, reply: Reply): null {
    const refusal = refusalOf(this.#find(id));
    if (!refusal) this.#forget(this.#find(id)!);
    reply(refusal ?? 'ok');
    return null;
  }

  *#exited(row: Row, reason: Exit): Operation {
    row.exit = null;
    const again = row.restart === 'permanent' || (row.restart === 'transient' && reason === 'abnormal');
    if (row.restart === 'temporary') this.#forget(row);
    if (again && this.#intensity.isExceededAt(this.now)) this.#shutdown('shutdown');
    else if (again) yield* this.#restartAll(this.#plan(row));
    else if (row.significant && shutsDown(this.#flags, this.#rows)) this.#shutdown('shutdown');
  }

  /** T1, T2, T3. A start that fails makes the next restart necessary (R8). */
  *#restartAll(turn: readonly Row[]): Operation {
    yield* this.#stopAll(turn);
    for (const member of turn) {
      if (member.turn !== turn || (yield* this.#start(member))) continue;
      const next = this.#plan(member);
      this.#process.go(() => this.#stopAll(next), true);
      return this.#process.send({ read: () => this.#charge(member, next) });
    }
  }

  /** In reverse, each gone before the next is asked to stop. */
  *#stopAll(turn: readonly Row[]): Operation {
    for (const member of turn.toReversed()) {
      if (member.turn !== turn) continue;
      if (member.phase === 'up') this.#ask(member);
      if (isAlive(member)) yield member;
    }
  }

  /** R5 to R7 for a failed restart. Without a charge where the child was stopped meanwhile: those that waited for it start (R8, A2). */
  *#charge(row: Row, turn: readonly Row[]): Operation {
    if (row.turn !== turn) yield* this.#restartAll(turn);
    else if (this.#intensity.isExceededAt(this.now)) this.#shutdown('shutdown');
    else if (this.#patient) this.#waiting.push(() => this.#retry(row, turn));
    else yield* this.#restartAll(turn);
  }

  /** Those whom the strategy ties to it by now are taken along. */
  *#retry(row: Row, turn: readonly Row[]): Operation {
    yield* this.#restartAll(row.turn === turn ? this.#plan(row) : turn);
  }

  /** The children that the strategy restarts with `row`, in order. Their waiting exits are not read any more (P6). */
  #plan(row: Row): readonly Row[] {
    const turn = restartedWith(row, this.#rows, this.#flags.strategy);
    for (const member of turn) {
      if (member.exit && member.restart === 'temporary') this.#forget(member);
      this.#flush(member);
      if (isAlive(member) || !member.terminated) member.turn = turn;
      if (member.phase === 'restarting') member.phase = 'down';
    }
    row.phase = 'restarting';
    return turn;
  }

  /** P1, P7. What is only starting is cancelled first. */
  #shutdown(ending: Ending): void {
    this.#ending = ending;
    this.#process.close();
    for (const row of [...this.#rows]) {
      row.turn = null;
      this.#flush(row);
      if (row.phase === 'restarting') row.phase = 'down';
      if (row.phase === 'starting') this.#ask(row);
    }
    this.#process.go(() => this.#stopRows(ending));
  }

  *#stopRows(ending: Ending): Operation {
    for (const row of this.#rows.toReversed()) {
      if (row.phase === 'up') this.#ask(row);
      if (isAlive(row)) yield row;
      if (row.restart === 'temporary') this.#forget(row);
    }
    this.end = ending;
  }

  *#start(row: Row, reply: Reply = () => {}): Operation<boolean> {
    if (this.#ending) return true;
    this.log.push(`+${row.id}`);
    row.terminated = false;
    row.turn = null;
    row.phase = 'starting';
    const outcome = this.#slow ? yield row : nextOutcome(this.failures, row.id);
    if (outcome !== 'stopped') row.phase = outcome === 'ready' ? 'up' : 'down';
    reply(outcome === 'ready' ? 'ok' : outcome === 'failed' ? 'START_FAILED' : 'SUPERSEDED');
    return outcome !== 'failed';
  }

  #ask(row: Row): void {
    this.log.push(`-${row.id}`);
    row.phase = 'stopping';
    if (!this.#slow) this.#gone(row);
  }

  /** It is down because it was, or would have been, asked to stop (R3, T6, P2). */
  #gone(row: Row): void {
    row.phase = 'down';
    if (row.terminated) row.turn = null;
    if (row.restart === 'temporary') this.#forget(row);
    for (const reply of row.terminates.splice(0)) reply('ok');
    this.#process.resume(row, 'stopped');
  }

  /** P6: its exit message, if there is one, is not read any more. */
  #flush(row: Row): void {
    row.exit = null;
    this.#process.flush(row);
  }

  #forget(row: Row): void {
    row.turn = null;
    this.#rows = this.#rows.filter((other) => other !== row);
  }

  #find(id: string): Row | undefined {
    return this.#rows.find((row) => row.id === id);
  }

  #call(call: Call, starts: boolean, read: () => Operation | null): void {
    if (this.#ending) call.reply('SUPERVISOR_ENDED');
    else this.#process.call(call, this.#find(call.id), starts, read);
  }
}

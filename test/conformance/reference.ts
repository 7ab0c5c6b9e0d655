/*
 * The rules of OTP supervision as a small model: a process with a mailbox, naive and obviously right. Written from the rules alone
 * (docs/otp.md has their ids); it shares nothing with the engine, so that the two can disagree. An operation is a generator: each
 * `yield` is a start or a stop under way, at which the process waits and reads no messages (reference-process.ts). What docs/otp.md names as deliberate
 * differences (terminate and a halt wait for no start, and nothing waits for the stop that a terminate began) is modelled as such.
 */

import { Intensity } from './reference-intensity.js';
import { type Call, OTHERS, type Operation as Pausing, Process, type Reply } from './reference-process.js';
import type { Ending, Exit, Pace, ReferenceChild, ReferenceFlags, Row, Surroundings } from './reference-row.js';
import { ALONE, isAlive, isStarted, nextOutcome, Rows, refusalOf, restartedWith, shutsDown } from './reference-row.js';

type Operation<T = void> = Pausing<Row, T>;

export class Reference {
  /** `+a` for each try to start a, `-a` for each time a is told to stop, in order. */
  readonly log: string[] = [];
  readonly failures = new Map<string, number>();
  /** A failed boot (S2), or `shutdown` (R7, U1, P1). */
  end: Ending | null = null;
  booted = false;
  now = 0;
  readonly #rows = new Rows();
  /** Set when its own stop begins. */
  #ending: Ending | null = null;
  /** Its own stop, or that of a supervisor above, has begun: nothing starts any more. */
  #isClosed = false;
  /** Failed restarts that are tried again: at once, or by `again`. */
  #waiting: (() => Operation)[] = [];
  /** Under one_for_one, children do not wait for each other once the boot is over. */
  readonly #process = new Process<Row>(
    () => this.#flags.strategy !== 'one_for_one' || !this.booted,
    (id) => this.#rows.find(id)?.phase === 'stopping',
    (act) => this.#around.later(act),
  );
  readonly #flags: ReferenceFlags;
  readonly #intensity: Intensity;
  readonly #pace: Pace;
  readonly #around: Surroundings;

  constructor(flags: ReferenceFlags, pace: Pace, around: Surroundings = ALONE) {
    this.#flags = flags;
    this.#intensity = new Intensity(flags);
    this.#pace = pace;
    this.#around = around;
  }

  /** S1, S2. */
  boot(children: readonly ReferenceChild[]): void {
    for (const child of children) this.#rows.add(child, []);
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
    const row = this.#rows.find(id);
    if (row?.phase === 'starting') this.#process.resume(row, nextOutcome(this.failures, row.id));
    else if (row?.phase === 'stopping') this.#gone(row);
  }

  /** A1, S5. */
  add(child: ReferenceChild, reply: Reply): void {
    this.#call({ id: child.id, adds: true, reply }, !this.#rows.find(child.id), () => this.#add(child, reply));
  }

  /** A2. It waits neither for starts nor for other stops; a call that waits to start the child is superseded. */
  terminate(id: string, reply: Reply): void {
    this.#process.supersede(
      (call) => call.id === id && !call.adds && !this.#process.isAwaited(id, this.#rows.find(id)),
    );
    this.#call({ id, adds: false, reply }, false, () => this.#terminate(id, reply));
  }

  /** A3, A9. */
  restart(id: string, reply: Reply): void {
    const starts = this.#rows.find(id)?.phase === 'restarting' || refusalOf(this.#rows.find(id)) === null;
    this.#call({ id, adds: false, reply }, starts, () => this.#restartChild(id, reply));
  }

  /** A4. */
  delete(id: string, reply: Reply): void {
    this.#call({ id, adds: false, reply }, false, () => this.#delete(id, reply));
  }

  /** A child ended by itself: R1, R2, R3, R4. */
  exit(id: string, reason: Exit): void {
    const row = this.#rows.find(id);
    if (row?.phase === 'starting') return this.#process.resume(row, 'failed');
    if (row?.phase === 'stopping') return this.#gone(row);
    if (row?.phase !== 'up') return;
    if (this.#isClosed || row.turn) return this.#gone(row);
    row.phase = 'down';
    row.exit = reason;
    this.#process.send({ dead: row, read: () => this.#exited(row, reason) });
  }

  /** The next try of each failed restart (R8). */
  again(): void {
    for (const read of this.#waiting.splice(0)) if (!this.#isClosed) this.#process.send({ read });
  }

  /** P1. It does not wait for starts. */
  halt(): void {
    if (!this.#ending) this.#shutdown('shutdown');
  }

  /** P1: its stop, or that of a supervisor above, has begun. Starts are cancelled; what is up stays up until its turn comes. */
  quiesce(): void {
    this.#isClosed = true;
    this.#process.close();
    for (const row of this.#rows.all) {
      // Under a stop of a supervisor above, the stops of a restart go on, as they do in OTP.
      if (this.#ending || !isAlive(row)) row.turn = null;
      this.#flush(row);
      if (row.phase === 'restarting') row.phase = 'down';
      if (row.phase === 'starting') this.#ask(row);
      if (row.phase === 'up') this.#around.quiesce(row);
    }
  }

  readonly which = () => this.#rows.which();
  readonly count = () => this.#rows.count();

  *#boot(): Operation {
    for (const row of this.#rows.all) {
      if (row.turn && !(yield* this.#start(row))) return this.#shutdown('start-failed');
    }
    this.booted = this.#ending === null;
    if (this.booted) this.#around.booted();
  }

  *#add(child: ReferenceChild, reply: Reply): Operation {
    const known = this.#rows.find(child.id);
    if (known) return reply(isStarted(known) ? 'ALREADY_STARTED' : 'ALREADY_PRESENT');
    const row = this.#rows.add(child, null);
    if (!(yield* this.#start(row, reply))) this.#forget(row);
  }

  #terminate(id: string, reply: Reply): undefined {
    const row = this.#rows.find(id);
    if (!row) return void reply('NOT_FOUND');
    this.#flush(row);
    row.terminated = true;
    row.terminates.push(reply);
    if (row.phase === 'stopping') return;
    const { phase } = row;
    row.turn = null;
    if (phase === 'up' || phase === 'starting') this.#ask(row);
    else this.#gone(row);
    if (phase === 'starting') this.#process.resume(row, 'stopped');
  }

  *#restartChild(id: string, reply: Reply): Operation {
    const refusal = refusalOf(this.#rows.find(id));
    if (refusal) return reply(refusal);
    yield* this.#start(this.#rows.find(id)!, reply);
  }

  #delete(id: string, reply: Reply): undefined {
    const refusal = refusalOf(this.#rows.find(id));
    if (!refusal) this.#forget(this.#rows.find(id)!);
    reply(refusal ?? 'ok');
  }

  *#exited(row: Row, reason: Exit): Operation {
    row.exit = null;
    const again = row.restart === 'permanent' || (row.restart === 'transient' && reason === 'abnormal');
    if (row.restart === 'temporary') this.#forget(row);
    if (again && this.#intensity.isExceededAt(this.now)) this.#shutdown('shutdown');
    else if (again) yield* this.#restartAll(this.#plan(row));
    else if (row.significant && shutsDown(this.#flags, this.#rows.all)) this.#shutdown('shutdown');
  }

  /** T1, T2, T3. A start that fails makes the next restart necessary (R8). */
  *#restartAll(turn: readonly Row[]): Operation {
    yield* this.#stopAll(turn);
    yield OTHERS;
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
    if (row.turn !== turn) return yield* this.#restartAll(turn);
    if (this.#intensity.isExceededAt(this.now)) return this.#shutdown('shutdown');
    const next = this.#plan(row);
    if (!this.#pace.patient) return yield* this.#restartAll(next);
    this.#process.go(() => this.#stopAll(next), true);
    this.#waiting.push(() => this.#retry(row, next));
  }

  /** Those whom the strategy ties to it by now are taken along. */
  *#retry(row: Row, turn: readonly Row[]): Operation {
    yield* this.#restartAll(row.turn === turn ? this.#plan(row) : turn);
  }

  /** The children that the strategy restarts with `row`, in order. Their waiting exits are not read any more (P6). */
  #plan(row: Row): readonly Row[] {
    const turn = restartedWith(row, this.#rows.all, this.#flags.strategy);
    for (const member of turn) {
      const isForgotten = member.exit && member.restart === 'temporary';
      this.#flush(member);
      if (isForgotten) this.#forget(member);
      else if (isAlive(member) || !member.terminated) member.turn = turn;
      if (member.phase === 'restarting') member.phase = 'down';
    }
    row.phase = 'restarting';
    return turn;
  }

  /** P1, P7. */
  #shutdown(ending: Ending): void {
    this.#ending = ending;
    this.quiesce();
    this.#process.go(() => this.#stopRows(ending));
  }

  *#stopRows(ending: Ending): Operation {
    for (const row of this.#rows.all.toReversed()) {
      if (row.phase === 'up') this.#ask(row);
      if (isAlive(row)) yield row;
      if (row.restart === 'temporary') this.#forget(row);
    }
    this.end = ending;
    this.#around.ended(ending);
  }

  *#start(row: Row, reply: Reply = () => {}): Operation<boolean> {
    if (this.#isClosed) return true;
    this.log.push(`+${row.id}`);
    row.terminated = false;
    row.turn = null;
    row.phase = 'starting';
    this.#around.start(row);
    const outcome = this.#pace.slow ? yield row : nextOutcome(this.failures, row.id);
    if (outcome !== 'stopped') row.phase = outcome === 'ready' ? 'up' : 'down';
    reply(outcome === 'ready' ? 'ok' : outcome === 'failed' ? 'START_FAILED' : 'SUPERSEDED');
    return outcome !== 'failed';
  }

  #ask(row: Row): void {
    this.log.push(`-${row.id}`);
    row.phase = 'stopping';
    this.#around.stop(row);
    if (!this.#pace.slow) this.#gone(row);
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
    this.#around.forget(row);
    this.#rows.remove(row);
  }

  #call(call: Call, starts: boolean, read: () => Operation | undefined): void {
    if (this.#isClosed) call.reply('SUPERVISOR_ENDED');
    else this.#process.call(call, this.#rows.find(call.id), starts, read);
  }
}

/*
 * The rules of OTP supervision as a small model: a process with a mailbox, naive and obviously right. Written from the rules alone
 * (docs/otp.md has their ids); it shares nothing with the engine, so that the two can disagree. An operation is a generator: each
 * `yield` is a start or a stop under way, at which the process waits and reads no messages (reference-process.ts). What docs/otp.md names as deliberate
 * differences (terminate and a halt wait for no start, nothing waits for the stop that a terminate began or for a zombie, and the options of a boot) is
 * modelled as such.
 */

import { Children, type Operation } from './reference-children.js';
import { awaitedBy, markTried } from './reference-first-starts.js';
import { type Call, OTHERS, type Reply } from './reference-process.js';
import type { Ending, Exit, ReferenceChild, Row } from './reference-row.js';
import {
  isAlive,
  isEndable,
  isRestarted,
  isStarted,
  nextOutcome,
  refusalOf,
  restartedWith,
  shutsDown,
} from './reference-row.js';

export class Reference extends Children {
  /** Failed restarts that are tried again: at once, or by `again`. */
  #waiting: (() => Operation)[] = [];

  /** The start or stop under way of this child is over. */
  settle(id: string): void {
    const row = this.rows.find(id);
    if (row?.phase === 'starting') this.process.resume(row, nextOutcome(this.failures, row.id));
    else if (row?.phase === 'stopping') this.gone(row);
  }

  /** A1, S5. */
  add(child: ReferenceChild, reply: Reply): void {
    this.#call({ id: child.id, adds: true, reply }, !this.rows.find(child.id), () => this.#add(child, reply));
  }

  /** A2, P3. It waits neither for starts nor for other stops; a call that waits to start the child is superseded. */
  terminate(id: string, reply: Reply, kills = false): void {
    this.process.supersede((call) => call.id === id && !call.adds && !this.process.isAwaited(id, this.rows.find(id)));
    this.#call({ id, adds: false, kills, reply }, false, () => this.#terminate(id, reply, kills));
  }

  /** A3, A9. */
  restart(id: string, reply: Reply): void {
    const starts = this.rows.find(id)?.phase === 'restarting' || refusalOf(this.rows.find(id)) === null;
    this.#call({ id, adds: false, reply }, starts, () => this.#restartChild(id, reply));
  }

  /** A4. */
  delete(id: string, reply: Reply): void {
    this.#call({ id, adds: false, reply }, false, () => this.#delete(id, reply));
  }

  /** A child ended by itself (R1, R2, R3, R4), or the last process of a zombie is gone (P6). */
  exit(id: string, reason: Exit): void {
    const row = this.rows.find(id);
    if (row?.phase === 'starting') return this.process.resume(row, 'failed');
    if (row?.phase === 'stopping') return this.gone(row);
    if (row?.phase !== 'up' && row?.phase !== 'stuck') return;
    if (this.isClosed || row.turn || row.terminated) return this.gone(row);
    const { late } = row;
    row.phase = 'down';
    row.exit = reason;
    const isHeld = !late && this.isParallel && !this.booted && this.#couldEnd(row, reason);
    this.process.send({ dead: row, read: () => this.#exited(row, reason, late) }, isHeld);
  }

  /** A child cannot be ended (P6): stops go on without it, and it answers ZOMBIE until its last process is gone. */
  condemn(id: string): void {
    const row = this.rows.find(id);
    if (!row || !isEndable(row)) return;
    const { phase } = row;
    row.phase = 'stuck';
    for (const reply of row.terminates.splice(0)) reply('ZOMBIE');
    if (phase !== 'up') this.process.resume(row, 'stuck');
  }

  /** The next try of each failed restart (R8). */
  again(): void {
    for (const read of this.#waiting.splice(0)) if (!this.isClosed) this.#send(read);
  }

  /** P1. It does not wait for starts. `kills`: also those that are stopping (P3). */
  halt(kills = false): void {
    this.isBrutal ||= kills;
    if (!this.ending) this.shutdown('shutdown');
    else if (kills && !this.end) this.killStopping();
  }

  /** P1: its stop, or that of a supervisor above, has begun. Starts are cancelled; what is up stays up until its turn comes. */
  quiesce(): void {
    this.isClosed = true;
    this.process.close();
    for (const row of this.rows.all) {
      // Under a stop of a supervisor above, the stops of a restart go on, as they do in OTP.
      if (this.ending || !isAlive(row)) row.turn = null;
      this.flush(row);
      if (row.phase === 'restarting') row.phase = 'down';
      row.caller('SUPERSEDED');
      if (row.phase === 'starting') this.ask(row);
      if (row.phase === 'up') this.around.quiesce(row);
    }
  }

  *#add(child: ReferenceChild, reply: Reply): Operation {
    const known = this.rows.find(child.id);
    if (known) return reply(isStarted(known) ? 'ALREADY_STARTED' : 'ALREADY_PRESENT');
    const row = this.rows.add(child, null);
    row.added = true;
    if (this.isParallel) row.awaits = awaitedBy(row, this.rows.all);
    row.caller = reply;
    if (row.awaits.length === 0) yield* this.startAdded(row);
    else row.turn = [];
  }

  #terminate(id: string, reply: Reply, kills: boolean): undefined {
    const row = this.rows.find(id);
    if (!row) return void reply('NOT_FOUND');
    this.flush(row);
    row.terminated = true;
    const { phase } = row;
    if (phase === 'stuck') reply('ZOMBIE');
    else row.terminates.push(reply);
    if (kills && (phase === 'stopping' || phase === 'stuck')) this.kill(row);
    if (phase === 'stopping') return;
    row.turn = null;
    if (phase !== 'stuck') this.#stopNow(row, kills);
    markTried(row, this.rows.all);
    this.checkTried();
  }

  #stopNow(row: Row, kills: boolean): void {
    const { phase } = row;
    row.caller('SUPERSEDED');
    if (phase === 'up' || phase === 'starting') this.ask(row, kills);
    else this.gone(row);
    if (phase === 'starting') this.process.resume(row, 'stopped');
  }

  *#restartChild(id: string, reply: Reply): Operation {
    const refusal = refusalOf(this.rows.find(id));
    if (refusal) return reply(refusal);
    const row = this.rows.find(id)!;
    yield* this.start(row, reply);
    row.late &&= () => undefined;
  }

  #delete(id: string, reply: Reply): undefined {
    const refusal = refusalOf(this.rows.find(id));
    if (!refusal) this.forget(this.rows.find(id)!);
    reply(refusal ?? 'ok');
  }

  *#exited(row: Row, reason: Exit, late: Row['late']): Operation {
    row.exit = null;
    const next = late?.();
    if (next) yield* next;
    if (late) return;
    const again = isRestarted(row, reason);
    const ends = !again && row.significant && shutsDown(this.flags, this.rows.all);
    // It does not start another only to stop it.
    if (row.restart === 'temporary') this.forget(row, !ends);
    if (again && this.intensity.isExceededAt(this.now)) this.shutdown('shutdown');
    else if (again) yield* this.#restartAll(this.#plan(row));
    else if (ends) this.shutdown('shutdown');
  }

  /** The exits that a parallel start holds until the boot is over. */
  #couldEnd(row: Row, reason: Exit): boolean {
    if (isRestarted(row, reason)) return this.intensity.wouldBeExceededAt(this.now);
    return row.significant && this.flags.autoShutdown !== 'never';
  }

  /** T1, T2, T3. A start that fails makes the next restart necessary (R8). */
  *#restartAll(turn: readonly Row[]): Operation {
    yield* this.#stopAll(turn);
    yield OTHERS;
    for (const member of turn) {
      if (member.turn !== turn || this.#misses(member) || (yield* this.start(member)) !== 'failed') continue;
      if (member.restart === 'temporary') {
        this.forget(member);
        continue;
      }
      const next = this.#plan(member);
      this.process.go(() => this.#stopAll(next), true);
      return this.#send(() => this.#charge(member, next));
    }
  }

  /** The restart goes on without a zombie, which is started when it is gone. */
  #misses(row: Row): boolean {
    if (row.phase !== 'stuck') return false;
    row.turn = null;
    if (row.restart === 'temporary') row.terminated = true;
    else row.late = () => this.#restartAlone(row);
    return true;
  }

  #restartAlone(row: Row): Operation {
    const turn = [row];
    row.turn = turn;
    return this.#restartAll(turn);
  }

  /** In reverse, each gone before the next is asked to stop. */
  *#stopAll(turn: readonly Row[]): Operation {
    for (const member of turn.toReversed()) {
      if (member.turn !== turn) continue;
      if (member.phase === 'up') this.ask(member);
      if (isEndable(member)) yield member;
    }
  }

  /** R5 to R7 for a failed restart. Without a charge where the child was stopped meanwhile: those that waited for it start (R8, A2). */
  *#charge(row: Row, turn: readonly Row[]): Operation {
    if (row.turn !== turn) return yield* this.#restartAll(turn);
    if (this.intensity.isExceededAt(this.now)) return this.shutdown('shutdown');
    if (this.pace.patient) this.tryLater(row);
    else yield* this.#restartAll(this.#plan(row));
  }

  protected tryLater(row: Row): undefined {
    const next = this.#plan(row);
    this.process.go(() => this.#stopAll(next), true);
    this.#waiting.push(() => this.#retry(row, next));
  }

  /** Under one_for_one, restarts wait for nothing: not for a boot in sequence either. */
  #send(read: () => Operation): void {
    if (this.flags.strategy === 'one_for_one' && !this.booted) this.process.go(read);
    else this.process.send({ read });
  }

  /** Those whom the strategy ties to it by now are taken along. */
  *#retry(row: Row, turn: readonly Row[]): Operation {
    yield* this.#restartAll(row.turn === turn ? this.#plan(row) : turn);
  }

  /** The children that the strategy restarts with `row`, in order. Their waiting exits are not read any more (P6). */
  #plan(row: Row): readonly Row[] {
    const turn = restartedWith(row, this.rows.all, this.flags.strategy);
    for (const member of turn) {
      const isForgotten = member.exit && member.restart === 'temporary';
      this.flush(member);
      if (isForgotten) this.forget(member);
      else if (isAlive(member) || !member.terminated) this.#joins(member, turn);
      if (member.phase === 'restarting') member.phase = 'down';
    }
    row.phase = 'restarting';
    return turn;
  }

  #joins(row: Row, turn: readonly Row[]): void {
    row.turn = turn;
    row.late = null;
  }

  /** P1, P7. */
  protected shutdown(ending: Ending): void {
    this.ending = ending;
    this.quiesce();
    if (this.isBrutal) this.killStopping();
    this.process.go(() => this.#stopRows(ending));
  }

  *#stopRows(ending: Ending): Operation {
    for (const row of this.rows.all.toReversed()) {
      if (row.phase === 'up') this.ask(row);
      if (isEndable(row)) yield row;
      if (row.restart === 'temporary' && row.phase !== 'stuck') this.forget(row);
    }
    this.end = ending;
    this.around.ended(ending, this.zombies());
  }

  #call(call: Call, starts: boolean, read: () => Operation | undefined): void {
    if (this.isClosed) call.reply('SUPERVISOR_ENDED');
    else this.process.call(call, this.rows.find(call.id), starts, read);
  }
}

/*
 * The rules of OTP supervision as a small model: a process with a mailbox, naive and obviously right. Written from the rules alone
 * (docs/otp.md has their ids); it shares nothing with the engine, so that the two can disagree. An operation is a generator: each
 * `yield` is a start under way, at which the process waits and reads no messages (reference-process.ts). What docs/otp.md names as deliberate differences
 * (stops and a halt do not wait for a start) is modelled as such.
 */

import { type Call, type Outcome, type Operation as Pausing, Process, type Reply } from './reference-process.js';

type Restart = 'permanent' | 'transient' | 'temporary';
export type Exit = 'normal' | 'shutdown' | 'abnormal';

export interface ReferenceChild {
  readonly id: string;
  readonly restart: Restart;
  readonly significant: boolean;
}

export interface ReferenceFlags {
  readonly strategy: 'one_for_one' | 'one_for_all' | 'rest_for_one';
  readonly intensity: number;
  /** In seconds, as in OTP. */
  readonly period: number;
  readonly autoShutdown: 'never' | 'any_significant' | 'all_significant';
}

interface Row extends ReferenceChild {
  phase: 'up' | 'down' | 'starting' | 'restarting';
  /** Ended by terminate_child: no strategy starts it again. */
  terminated: boolean;
  /** The restart in which it waits for its turn: those whom the strategy starts, in order. */
  turn: readonly Row[] | null;
  /** Its exit message is in the mailbox. */
  exit: Exit | null;
}

type Operation<T = void> = Pausing<Row, T>;

export class Reference {
  /** `+a` for each try to start a, `-a` for each time a is told to stop, in order. */
  readonly log: string[] = [];
  readonly failures = new Map<string, number>();
  /** A failed boot (S2), or `shutdown` (R7, U1, P1). */
  end: 'start-failed' | 'shutdown' | null = null;
  booted = false;
  now = 0;
  #rows: Row[] = [];
  #restarts: number[] = [];
  /** Failed restarts that are tried again: at once, or by `again`. */
  #waiting: (() => Operation)[] = [];
  /** Under one_for_one, children do not wait for each other once the boot is over. */
  readonly #process = new Process<Row>(() => this.#flags.strategy !== 'one_for_one' || !this.booted);
  readonly #flags: ReferenceFlags;
  readonly #patient: boolean;
  readonly #slow: boolean;

  /** `patient`: after a failed restart it waits for `again` (R8); otherwise it tries again at once. `slow`: starts wait for `settle`. */
  constructor(flags: ReferenceFlags, patient: boolean, slow = false) {
    this.#flags = flags;
    this.#patient = patient;
    this.#slow = slow;
  }

  /** S1, S2. */
  boot(children: readonly ReferenceChild[]): void {
    this.#rows = children.map((child) => ({ ...child, phase: 'down', terminated: false, turn: [], exit: null }));
    this.#process.go(() => this.#boot());
  }

  /** The start under way of this child is over. */
  settle(id: string): void {
    const row = this.#process.underWay().find((other) => other.id === id);
    if (row) this.#process.resume(row, this.#outcome(row));
  }

  /** A1, S5. */
  add(child: ReferenceChild, reply: Reply): void {
    this.#call({ id: child.id, adds: true, reply }, !this.#find(child.id), () => this.#add(child, reply));
  }

  /** A2. It does not wait for starts; a call that waits to start the child is superseded. */
  terminate(id: string, reply: Reply): void {
    this.#process.supersede((call) => call.id === id && !this.#process.isAwaited(id, this.#find(id)));
    this.#call({ id, adds: false, reply }, false, () => this.#terminate(id, reply));
  }

  /** A3, A9. */
  restart(id: string, reply: Reply): void {
    const starts = this.#find(id)?.phase === 'restarting' || this.#refusal(id) === null;
    this.#call({ id, adds: false, reply }, starts, () => this.#restartChild(id, reply));
  }

  /** A4. */
  delete(id: string, reply: Reply): void {
    this.#call({ id, adds: false, reply }, false, () => this.#delete(id, reply));
  }

  /** A child ended by itself: R1, R2, R3, R4. */
  exit(id: string, reason: Exit): void {
    const row = this.#find(id);
    if (this.end || !row) return;
    if (row.phase === 'starting') return this.#process.resume(row, 'failed');
    if (row.phase !== 'up') return;
    row.phase = 'down';
    row.exit = reason;
    this.#process.send({ dead: row, read: () => this.#exited(row, reason) });
  }

  /** The next try of each failed restart (R8). */
  again(): void {
    for (const read of this.#waiting.splice(0)) if (!this.end) this.#process.send({ read });
  }

  /** P1. It does not wait for starts. */
  halt(): void {
    if (!this.end) this.#shutdown('shutdown');
  }

  /** A6: newest first. */
  which(): [id: string, phase: Row['phase']][] {
    return this.#rows.map((row): [string, Row['phase']] => [row.id, row.phase]).reverse();
  }

  /** A8. */
  count(): { specs: number; active: number } {
    const active = this.#rows.filter(isAlive).length;
    return { specs: this.#rows.length, active };
  }

  *#boot(): Operation {
    for (const row of [...this.#rows]) {
      if (row.turn && !(yield* this.#start(row))) return this.#shutdown('start-failed');
    }
    this.booted = this.end === null;
  }

  *#add(child: ReferenceChild, reply: Reply): Operation {
    const known = this.#find(child.id);
    if (known) return reply(isAlive(known) ? 'ALREADY_STARTED' : 'ALREADY_PRESENT');
    const row: Row = { ...child, phase: 'down', terminated: false, turn: null, exit: null };
    this.#rows.push(row);
    if (!(yield* this.#start(row, reply))) this.#forget(row);
  }

  #terminate(id: string, reply: Reply): null {
    const row = this.#find(id);
    if (row) row.terminated = true;
    if (row) this.#stop(row);
    reply(row ? 'ok' : 'NOT_FOUND');
    return null;
  }

  *#restartChild(id: string, reply: Reply): Operation {
    const refusal = this.#refusal(id);
    if (refusal) return reply(refusal);
    yield* this.#start(this.#find(id)!, reply);
  }

  #delete(id: string, reply: Reply): null {
    const refusal = this.#refusal(id);
    if (!refusal) this.#forget(this.#find(id)!);
    reply(refusal ?? 'ok');
    return null;
  }

  *#exited(row: Row, reason: Exit): Operation {
    row.exit = null;
    const again = row.restart === 'permanent' || (row.restart === 'transient' && reason === 'abnormal');
    if (row.restart === 'temporary') this.#forget(row);
    if (again && this.#exceeds()) this.#shutdown('shutdown');
    else if (again) yield* this.#startAll(this.#stopAll(row));
    else if (row.significant) this.#autoShutdown();
  }

  /** Starts in order those who have not left; one that fails makes the next restart necessary (R8). */
  *#startAll(turn: readonly Row[]): Operation {
    for (const member of turn) {
      if (member.turn !== turn || (yield* this.#start(member))) continue;
      const next = this.#stopAll(member);
      return this.#process.send({ read: () => this.#charge(member, next) });
    }
  }

  /** R5 to R7 for a failed restart. Without a charge where the child was stopped meanwhile: those that waited for it start (R8, A2). */
  *#charge(row: Row, turn: readonly Row[]): Operation {
    if (row.turn !== turn) yield* this.#startAll(turn);
    else if (this.#exceeds()) this.#shutdown('shutdown');
    else if (this.#patient) this.#waiting.push(() => this.#retry(row, turn));
    else yield* this.#startAll(turn);
  }

  /** Those whom the strategy ties to it by now are taken along. */
  *#retry(row: Row, turn: readonly Row[]): Operation {
    yield* this.#startAll(row.turn === turn ? this.#stopAll(row) : turn);
  }

  /** T1, T2, T3: stops all whom the strategy ties to `row`, in reverse. Returns those that are to be started. */
  #stopAll(row: Row): readonly Row[] {
    const touched = this.#touched(row);
    for (const other of touched.toReversed()) if (other !== row) this.#stop(other);
    const turn = touched.filter((member) => this.#rows.includes(member) && !member.terminated);
    for (const member of turn) member.turn = turn;
    row.phase = 'restarting';
    return turn;
  }

  #touched(row: Row): Row[] {
    if (this.#flags.strategy === 'one_for_one') return [row];
    if (this.#flags.strategy === 'one_for_all') return [...this.#rows];
    return this.#rows.slice(this.#rows.indexOf(row));
  }

  /** R5: whole seconds, the boundary included. */
  #exceeds(): boolean {
    const second = Math.floor(this.now / 1000);
    this.#restarts = [second, ...this.#restarts.filter((then) => then >= second - this.#flags.period)];
    return this.#restarts.length > this.#flags.intensity;
  }

  /** U1, U2. */
  #autoShutdown(): void {
    const { autoShutdown } = this.#flags;
    const last = !this.#rows.some((row) => row.significant && (row.phase !== 'down' || row.exit !== null));
    if (autoShutdown === 'any_significant' || (autoShutdown === 'all_significant' && last)) this.#shutdown('shutdown');
  }

  /** P1, P7. What is only starting is called off first. */
  #shutdown(end: 'start-failed' | 'shutdown'): void {
    this.end = end;
    this.#process.close();
    for (const row of [...this.#rows]) if (row.phase === 'starting') this.#stop(row);
    for (const row of this.#rows.toReversed()) this.#stop(row);
  }

  *#start(row: Row, reply: Reply = () => {}): Operation<boolean> {
    if (this.end) return true;
    this.log.push(`+${row.id}`);
    row.terminated = false;
    row.turn = null;
    row.phase = 'starting';
    const outcome = this.#slow ? yield row : this.#outcome(row);
    if (outcome !== 'called off') row.phase = outcome === 'ready' ? 'up' : 'down';
    reply(outcome === 'ready' ? 'ok' : outcome === 'failed' ? 'START_FAILED' : 'SUPERSEDED');
    return outcome !== 'failed';
  }

  #outcome(row: Row): Outcome {
    const failures = this.failures.get(row.id) ?? 0;
    this.failures.set(row.id, Math.max(0, failures - 1));
    return failures > 0 ? 'failed' : 'ready';
  }

  /** P6: its exit message, if there is one, is not read any more. */
  #stop(row: Row): void {
    const { phase } = row;
    if (isAlive(row)) this.log.push(`-${row.id}`);
    row.phase = 'down';
    row.turn = null;
    row.exit = null;
    this.#process.flush(row);
    if (row.restart === 'temporary') this.#forget(row);
    if (phase === 'starting') this.#process.resume(row, 'called off');
  }

  #forget(row: Row): void {
    this.#rows = this.#rows.filter((other) => other !== row);
  }

  /** What restart_child and delete_child answer unless the child is known and down. */
  #refusal(id: string): string | null {
    const row = this.#find(id);
    if (!row) return 'NOT_FOUND';
    if (isAlive(row)) return 'RUNNING';
    return row.turn ? 'RESTARTING' : null;
  }

  #find(id: string): Row | undefined {
    return this.#rows.find((row) => row.id === id);
  }

  #call(call: Call, starts: boolean, read: () => Operation | null): void {
    if (this.end) call.reply('SUPERVISOR_ENDED');
    else this.#process.call(call, this.#find(call.id), starts, read);
  }
}

function isAlive({ phase }: Row): boolean {
  return phase === 'up' || phase === 'starting';
}

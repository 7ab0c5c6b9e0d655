/*
 * The rules of OTP supervision as a small model: naive, synchronous, obviously right. Written from the rules alone (docs/otp.md
 * has their ids); it shares nothing with the engine, so that the two can disagree.
 */

type Restart = 'permanent' | 'transient' | 'temporary';

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
  phase: 'up' | 'down' | 'restarting';
  /** Ended by terminate_child: no strategy starts it again. */
  terminated: boolean;
  /** The restart in which it waits for its turn: those whom the strategy starts, in order. */
  turn: readonly Row[] | null;
}

export class Reference {
  /** `+a` for each try to start a, `-a` for each time a is told to stop, in order. */
  readonly log: string[] = [];
  readonly failures = new Map<string, number>();
  /** A failed boot (S2), or `shutdown` (R7, U1, P1). */
  end: 'start-failed' | 'shutdown' | null = null;
  now = 0;
  #rows: Row[] = [];
  #restarts: number[] = [];
  #waiting: (readonly Row[])[] = [];
  readonly #flags: ReferenceFlags;
  readonly #patient: boolean;

  /** `patient`: after a failed restart it waits for `again` (R8); otherwise it tries again at once. */
  constructor(flags: ReferenceFlags, patient: boolean) {
    this.#flags = flags;
    this.#patient = patient;
  }

  /** S1, S2. */
  boot(children: readonly ReferenceChild[]): void {
    this.#rows = children.map((child) => ({ ...child, phase: 'down', terminated: false, turn: null }));
    if (!this.#rows.every((row) => this.#start(row))) this.#shutdown('start-failed');
  }

  /** A1, S5. */
  add(child: ReferenceChild): string {
    if (this.end) return 'SUPERVISOR_ENDED';
    const known = this.#find(child.id);
    if (known) return known.phase === 'up' ? 'ALREADY_STARTED' : 'ALREADY_PRESENT';
    const row: Row = { ...child, phase: 'down', terminated: false, turn: null };
    if (!this.#start(row)) return 'START_FAILED';
    this.#rows.push(row);
    return 'ok';
  }

  /** A2. */
  terminate(id: string): string {
    if (this.end) return 'SUPERVISOR_ENDED';
    const row = this.#find(id);
    if (!row) return 'NOT_FOUND';
    this.#stop(row);
    row.terminated = true;
    return 'ok';
  }

  /** A3, A9. */
  restart(id: string): string {
    return this.#refusal(id) ?? (this.#start(this.#find(id)!) ? 'ok' : 'START_FAILED');
  }

  /** A4. */
  delete(id: string): string {
    const refusal = this.#refusal(id);
    if (!refusal) this.#forget(this.#find(id)!);
    return refusal ?? 'ok';
  }

  /** A child ended by itself: R1, R2, R3, R4. */
  exit(id: string, reason: 'normal' | 'shutdown' | 'abnormal'): void {
    const row = this.#find(id);
    if (this.end || row?.phase !== 'up') return;
    row.phase = 'down';
    const again = row.restart === 'permanent' || (row.restart === 'transient' && reason === 'abnormal');
    if (row.restart === 'temporary') this.#forget(row);
    if (again) this.#restart(row, false);
    else if (row.significant) this.#autoShutdown();
  }

  /** The next try of each failed restart (R8). */
  again(): void {
    for (const turn of this.#waiting.splice(0)) if (!this.end) this.#take(turn);
  }

  /** P1. */
  halt(): void {
    if (!this.end) this.#shutdown('shutdown');
  }

  /** A6: newest first. */
  which(): [id: string, phase: Row['phase']][] {
    return this.#rows.map((row): [string, Row['phase']] => [row.id, row.phase]).reverse();
  }

  /** A8. */
  count(): { specs: number; active: number } {
    return { specs: this.#rows.length, active: this.#rows.filter((row) => row.phase === 'up').length };
  }

  /** R5, R6, R7, R8 and T1, T2, T3, T6: the restart that `row` makes necessary. */
  #restart(row: Row, failed: boolean): void {
    row.phase = 'restarting';
    if (this.#exceeds()) this.#shutdown('shutdown');
    else this.#sweep(row, failed);
  }

  #sweep(row: Row, failed: boolean): void {
    const touched = this.#touched(row);
    for (const other of touched.toReversed()) if (other !== row) this.#stop(other);
    const turn = touched.filter((member) => this.#rows.includes(member) && !member.terminated);
    for (const member of turn) member.turn = turn;
    if (failed && this.#patient) this.#waiting.push(turn);
    else this.#take(turn);
  }

  /** Starts in order those who have not left for a later turn; one that fails makes the next restart necessary. */
  #take(turn: readonly Row[]): void {
    for (const member of turn) {
      if (member.turn === turn && !this.#start(member)) this.#restart(member, true);
    }
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
    const last = !this.#rows.some((row) => row.significant && row.phase !== 'down');
    if (autoShutdown === 'any_significant' || (autoShutdown === 'all_significant' && last)) this.#shutdown('shutdown');
  }

  /** P1, P7. */
  #shutdown(end: 'start-failed' | 'shutdown'): void {
    this.end = end;
    for (const row of this.#rows.toReversed()) this.#stop(row);
  }

  #start(row: Row): boolean {
    this.log.push(`+${row.id}`);
    row.terminated = false;
    row.turn = null;
    const failures = this.failures.get(row.id) ?? 0;
    this.failures.set(row.id, Math.max(0, failures - 1));
    row.phase = failures > 0 ? 'down' : 'up';
    return failures === 0;
  }

  #stop(row: Row): void {
    if (row.phase === 'up') this.log.push(`-${row.id}`);
    row.phase = 'down';
    row.turn = null;
    if (row.restart === 'temporary') this.#forget(row);
  }

  #forget(row: Row): void {
    this.#rows = this.#rows.filter((other) => other !== row);
  }

  /** What restart_child and delete_child answer unless the child is known and down. */
  #refusal(id: string): string | null {
    if (this.end) return 'SUPERVISOR_ENDED';
    const row = this.#find(id);
    if (!row) return 'NOT_FOUND';
    return row.phase === 'up' ? 'RUNNING' : row.turn ? 'RESTARTING' : null;
  }

  #find(id: string): Row | undefined {
    return this.#rows.find((row) => row.id === id);
  }
}

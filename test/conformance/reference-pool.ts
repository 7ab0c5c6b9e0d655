/*
 * The rules of a pool (OTP's simple_one_for_one) as a small model, written from the rules alone: instances of one template, each restarted for
 * itself, known by numbers that are never given twice, at most `concurrency` of them starting at once, first come first served (T4).
 */

import { Intensity } from './reference-intensity.js';
import type { Reply } from './reference-process.js';
import { ALONE, type Count, type Exit, type PoolFlags, type Surroundings } from './reference-row.js';

interface Row {
  readonly id: string;
  /** `down`: it waits until it may start. */
  phase: 'down' | 'starting' | 'up' | 'stopping' | 'restarting' | 'stuck';
  /** Of a zombie: its start has failed. */
  hasFailed: boolean;
  terminated: boolean;
  killed: boolean;
  /** Who has added it and waits; `null` once it has been up or has had an answer. */
  added: Reply | null;
  /** Calls of terminate that wait until it is gone. */
  terminates: Reply[];
}

export class ReferencePool {
  /** The orders to the instances, oldest first: `+1` starts the instance 1, `-1` asks it to stop, `!1` kills it. */
  readonly log: string[] = [];
  end: 'shutdown' | null = null;
  #isEnding = false;
  /** Its own stop, or that of a supervisor above, has begun: nothing starts any more. */
  #isClosed = false;
  now = 0;
  #rows: Row[] = [];
  #queue: Row[] = [];
  /** Those whose next try comes by `again` (R8). */
  #waiting: Row[] = [];
  #lastId: number;
  readonly #flags: PoolFlags;
  readonly #intensity: Intensity;
  readonly #around: Surroundings;

  /** `lastId`: the highest number that was given before its restart. */
  constructor(flags: PoolFlags, lastId = 0, around: Surroundings = ALONE) {
    this.#flags = flags;
    this.#intensity = new Intensity(flags);
    this.#lastId = lastId;
    this.#around = around;
  }

  /** S7: it has no instances yet. */
  boot(): void {
    this.#around.booted();
  }

  get status(): 'running' | 'stopping' | 'ended' {
    if (this.end) return 'ended';
    return this.#isEnding ? 'stopping' : 'running';
  }

  add(reply: Reply): void {
    if (this.#isClosed) return reply('SUPERVISOR_ENDED');
    if (this.#rows.length >= this.#flags.max) return reply('POOL_FULL');
    const row: Row = { id: String(++this.#lastId), phase: 'down', added: reply, ...NEW, terminates: [] };
    this.#around.numbered(this.#lastId);
    this.#rows.push(row);
    this.#enqueue(row);
  }

  terminate(id: string, reply: Reply, kills = false): void {
    if (this.#isClosed) return reply('SUPERVISOR_ENDED');
    const row = this.#find(id);
    if (!row) return reply('NOT_FOUND');
    row.added?.('SUPERSEDED');
    row.added = null;
    row.terminated = true;
    if (row.phase === 'stuck') {
      if (kills) this.#kill(row);
      return reply('ZOMBIE');
    }
    row.terminates.push(reply);
    if (isAlive(row)) this.#ask(row, kills);
    else this.#gone(row);
    this.#startNext();
  }

  /** It cannot be ended (P6). */
  condemn(id: string): void {
    const row = this.#find(id);
    if (!row || !isEndable(row)) return;
    row.hasFailed = row.phase === 'starting';
    row.phase = 'stuck';
    row.added?.('ZOMBIE');
    row.added &&= () => {};
    for (const reply of row.terminates.splice(0)) reply('ZOMBIE');
    this.#startNext();
    this.#endIfGone();
  }

  /** A3, A4. */
  refuse(reply: Reply): void {
    reply(this.#isClosed ? 'SUPERVISOR_ENDED' : 'SIMPLE_ONE_FOR_ONE');
  }

  /** The start under way of this instance, or its stop, is over. */
  settle(id: string, ready = true): void {
    const row = this.#find(id);
    if (row?.phase === 'stopping') return this.#gone(row);
    if (row?.phase !== 'starting') return;
    if (ready) this.#becomeReady(row);
    else if (row.added) this.#failAdded(row);
    else this.#restart(row, true);
    this.#startNext();
  }

  /** An instance that was up ended by itself: R1, R2, R3. */
  exit(id: string, reason: Exit): void {
    const row = this.#find(id);
    if (row?.phase === 'starting') return this.settle(id, false);
    if (row?.phase === 'stopping' || (row && (this.#isClosed || row.terminated))) return this.#gone(row);
    if (row?.phase !== 'up' && row?.phase !== 'stuck') return;
    if (row.hasFailed) return row.added ? this.#forget(row) : this.#restart(row, true);
    const { restart } = this.#flags;
    if (restart === 'permanent' || (restart === 'transient' && reason === 'abnormal')) this.#restart(row, false);
    else this.#forget(row);
  }

  /** The next try of each failed restart. */
  again(): void {
    for (const row of this.#waiting.splice(0)) if (!this.#isClosed && this.#rows.includes(row)) this.#enqueue(row);
  }

  /** P5: all at once. */
  halt(kills = false): void {
    if (this.end || (this.#isEnding && !kills)) return;
    this.#isEnding = true;
    this.#close((row) => isEndable(row), kills);
    this.#endIfGone();
  }

  /** P1: the stop of a supervisor above has begun. What is up stays up until its turn comes. */
  quiesce(): void {
    this.#close(({ phase }) => phase === 'starting');
  }

  /** A6: newest first. */
  which(): [id: string, phase: Row['phase']][] {
    return this.#rows.map((row): [string, Row['phase']] => [row.id, row.phase]).reverse();
  }

  /** A8. */
  count(): Count {
    return { specs: 1, active: this.#rows.filter(isAlive).length, supervisors: 0, workers: this.#rows.length };
  }

  /** Nothing starts any more. */
  #close(isStopped: (row: Row) => boolean, kills = false): void {
    this.#isClosed = true;
    this.#queue = [];
    for (const row of this.#rows) {
      if (isStopped(row)) this.#ask(row, kills);
      else if (!isAlive(row)) this.#gone(row);
    }
  }

  #becomeReady(row: Row): void {
    row.phase = 'up';
    row.added?.('ok');
    row.added = null;
  }

  /** S5. */
  #failAdded(row: Row): void {
    row.added?.('START_FAILED');
    this.#forget(row);
  }

  /** R5 to R8. `failed`: its start failed, and its next try waits. */
  #restart(row: Row, failed: boolean): void {
    row.phase = 'down';
    if (this.#intensity.isExceededAt(this.now)) return this.halt();
    row.phase = 'restarting';
    if (failed) this.#waiting.push(row);
    else this.#enqueue(row);
  }

  #enqueue(row: Row): void {
    row.phase = 'down';
    this.#queue.push(row);
    this.#startNext();
  }

  #startNext(): void {
    while (!this.#isClosed && this.#rows.filter(({ phase }) => phase === 'starting').length < this.#flags.concurrency) {
      const row = this.#queue.shift();
      if (!row) return;
      row.phase = 'starting';
      row.hasFailed = row.killed = false;
      this.log.push(`+${row.id}`);
    }
  }

  #ask(row: Row, kills = false): void {
    if (kills) this.#kill(row);
    else if (row.phase !== 'stopping') this.log.push(`-${row.id}`);
    row.phase = 'stopping';
  }

  #kill(row: Row): void {
    if (!row.killed) this.log.push(`!${row.id}`);
    row.killed = true;
  }

  /** During its stop the pool keeps its rows. */
  #gone(row: Row): void {
    row.phase = 'down';
    for (const reply of row.terminates.splice(0)) reply('ok');
    row.added?.('SUPERSEDED');
    row.added = null;
    if (!this.#isClosed) this.#forget(row);
    this.#endIfGone();
  }

  #endIfGone(): void {
    const left = this.#rows.filter(({ phase }) => phase === 'stuck').map(({ id }) => id);
    if (this.end && left.length === 0) this.#around.gone(this.end);
    if (!this.#isEnding || this.end || this.#rows.some(isEndable)) return;
    this.end = 'shutdown';
    this.#around.ended(this.end, left);
  }

  #forget(row: Row): void {
    this.#rows = this.#rows.filter((other) => other !== row);
    this.#queue = this.#queue.filter((other) => other !== row);
  }

  #find(id: string): Row | undefined {
    return this.#rows.find((row) => row.id === id);
  }
}

const NEW = { hasFailed: false, terminated: false, killed: false };

function isEndable({ phase }: Row): boolean {
  return phase === 'up' || phase === 'starting' || phase === 'stopping';
}

function isAlive(row: Row): boolean {
  return isEndable(row) || row.phase === 'stuck';
}

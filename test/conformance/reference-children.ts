import { awaitedBy, inStartOrder, markTried, released } from './reference-first-starts.js';
import { Intensity } from './reference-intensity.js';
import { type Outcome, type Operation as Pausing, Process, type Reply } from './reference-process.js';
import type { Ending, Pace, ReferenceChild, ReferenceFlags, Row, Surroundings } from './reference-row.js';
import { ALONE, nextOutcome, Rows } from './reference-row.js';

/* What a supervisor of the reference model does to its children one at a time, and its boot. The rest is in reference.ts. */

export type Operation<T = void> = Pausing<Row, T>;

export abstract class Children {
  /** The orders to the children, oldest first: `+a` starts the child a, `-a` asks it to stop, `!a` kills it. */
  readonly log: string[] = [];
  readonly failures = new Map<string, number>();
  /** A failed boot (S2), or `shutdown` (R7, U1, P1). */
  end: Ending | null = null;
  booted = false;
  now = 0;
  protected readonly rows = new Rows();
  /** Set when its own stop begins. */
  protected ending: Ending | null = null;
  /** Its own stop, or that of a supervisor above, has begun: nothing starts any more. */
  protected isClosed = false;
  /** Its own stop kills. */
  protected isBrutal = false;
  /** Under one_for_one, children do not wait for each other once the boot is over; in a parallel start not even before that. */
  protected readonly process = new Process<Row>({
    isOrdered: () => this.flags.strategy !== 'one_for_one' || !(this.booted || this.isParallel),
    isParallel: () => this.isParallel,
    isReading: () => this.booted || !this.isParallel,
    isStopping: (id) => this.rows.find(id)?.phase === 'stopping',
    later: (act) => this.around.later(act),
  });
  protected readonly flags: ReferenceFlags;
  protected readonly intensity: Intensity;
  protected readonly pace: Pace;
  protected readonly around: Surroundings;

  constructor(flags: ReferenceFlags, pace: Pace, around: Surroundings = ALONE) {
    this.flags = flags;
    this.intensity = new Intensity(flags);
    this.pace = pace;
    this.around = around;
  }

  protected abstract shutdown(ending: Ending): void;

  /** R8. */
  protected abstract tryLater(row: Row): void;

  /** S1, S2. */
  boot(children: readonly ReferenceChild[]): void {
    const turn: readonly Row[] = [];
    for (const child of inStartOrder(children)) this.rows.add(child, turn);
    if (this.isParallel) this.#bootTogether();
    else this.process.go(() => this.#boot(turn));
  }

  /** What the process is doing; after its end, `ended`. */
  get status(): 'booting' | 'running' | 'stopping' | 'ended' {
    if (this.end) return 'ended';
    if (this.ending) return 'stopping';
    return this.booted ? 'running' : 'booting';
  }

  readonly which = () => this.rows.which();
  readonly count = () => this.rows.count();

  protected get isParallel(): boolean {
    return this.flags.start === 'parallel';
  }

  *#boot(turn: readonly Row[]): Operation {
    for (const row of this.rows.all) if (row.turn === turn) yield* this.startAtBoot(row);
    this.#endBoot();
  }

  #bootTogether(): void {
    for (const row of this.rows.all) {
      row.untried = true;
      row.awaits = awaitedBy(row, this.rows.all);
    }
    for (const row of this.rows.all) if (row.awaits.length === 0) this.process.go(() => this.startAtBoot(row));
    this.checkTried();
  }

  protected checkTried(): void {
    if (this.isParallel && !this.booted && !this.rows.all.some(({ untried }) => untried)) this.#endBoot();
  }

  #endBoot(): void {
    this.booted = this.ending === null;
    if (this.booted) this.around.booted();
  }

  /** S2. A failed start ends a strict boot, and is tried again in the other. */
  protected *startAtBoot(row: Row): Operation {
    const outcome = yield* this.start(row);
    const isFailed = !this.isClosed && (outcome === 'failed' || outcome === 'stuck');
    if (isFailed && this.flags.boot !== 'retry' && !this.booted) return this.shutdown('start-failed');
    if (outcome === 'failed') this.failed(row);
    this.checkTried();
  }

  /** A start has failed outside an operation over siblings: R5 to R8. */
  protected failed(row: Row): undefined {
    if (row.restart === 'temporary') this.forget(row);
    else if (this.intensity.isExceededAt(this.now)) this.shutdown('shutdown');
    else this.tryLater(row);
  }

  /** S5. */
  protected *startAdded(row: Row): Operation {
    const reply = row.caller;
    row.caller = () => {};
    const outcome = yield* this.start(row, reply);
    if (outcome === 'failed') this.forget(row);
    row.late &&= () => void this.forget(row);
  }

  protected *start(row: Row, reply: Reply = () => {}): Operation<Outcome> {
    if (this.isClosed) return 'stopped';
    this.log.push(`+${row.id}`);
    row.terminated = false;
    row.killed = false;
    row.turn = null;
    row.phase = 'starting';
    this.around.start(row);
    const outcome = this.pace.slow ? yield row : nextOutcome(this.failures, row.id);
    if (outcome === 'ready' || outcome === 'failed') row.phase = outcome === 'ready' ? 'up' : 'down';
    row.late = outcome === 'stuck' ? () => this.failed(row) : null;
    reply(ANSWERS[outcome]);
    markTried(row, this.rows.all);
    if (outcome === 'ready') this.release(row.id);
    return outcome;
  }

  /** Nothing waits for this sibling any more. */
  protected release(id: string): void {
    for (const row of released(id, this.rows.all)) {
      row.untried = !row.added && !this.booted;
      this.process.go(() => (row.added ? this.startAdded(row) : this.startAtBoot(row)));
    }
  }

  protected ask(row: Row, kills = this.isBrutal): void {
    row.killed = kills || row.brutal === true;
    this.log.push(`${row.killed ? '!' : '-'}${row.id}`);
    row.phase = 'stopping';
    this.around.stop(row, kills);
    if (!this.pace.slow) this.gone(row);
  }

  protected killStopping(): void {
    for (const row of this.rows.all) if (row.phase === 'stopping') this.kill(row);
  }

  /** It was asked to stop before. */
  protected kill(row: Row): void {
    if (row.phase === 'stuck' && row.below) return;
    if (!row.killed) this.log.push(`!${row.id}`);
    row.killed = true;
    this.around.stop(row, true);
  }

  /** It is down because it was, or would have been, asked to stop (R3, T6, P2). */
  protected gone(row: Row): void {
    const isLate = this.end !== null;
    row.phase = 'down';
    if (row.terminated) row.turn = null;
    if (row.restart === 'temporary') this.forget(row);
    for (const reply of row.terminates.splice(0)) reply('ok');
    this.process.resume(row, 'stopped');
    if (isLate && this.zombies().length === 0) this.around.gone(this.end as Ending);
  }

  /** P6: its exit message, if there is one, is not read any more. */
  protected flush(row: Row): void {
    row.exit = null;
    this.process.flush(row);
  }

  protected forget(row: Row, releases = true): void {
    row.turn = null;
    this.around.forget(row);
    this.rows.remove(row);
    if (releases) this.release(row.id);
    this.checkTried();
  }

  protected zombies(): string[] {
    return this.rows.all.filter(({ phase }) => phase === 'stuck').map(({ id }) => id);
  }
}

const ANSWERS: Record<Outcome, string> = {
  ready: 'ok',
  failed: 'START_FAILED',
  stuck: 'ZOMBIE',
  stopped: 'SUPERSEDED',
};

/*
 * A process of OTP that does one thing after another: operations that wait for starts and stops, and a mailbox that is read when none is under way.
 */

/** How a start or a stop that takes time ends. A start that is cancelled ends as a stop does; `stuck`: it failed, and left a zombie. */
export type Outcome = 'ready' | 'failed' | 'stopped' | 'stuck';
/** What an operation waits for when it lets the other supervisors of its tree act first. */
export const OTHERS = Symbol('others');
export type Operation<Row, T = void> = Generator<Row | typeof OTHERS, T, Outcome>;
export type Reply = (answer: string) => void;

/** A call about one child. `adds`: of a child that is to come. */
export interface Call {
  readonly id: string;
  readonly adds: boolean;
  /** It waits for no stop. If not given, false. */
  readonly kills?: boolean;
  readonly reply: Reply;
}

/** A message that waits. `dead`: whose exit it tells. */
interface Message<Row> {
  readonly read: () => Operation<Row> | undefined;
  readonly call?: Call;
  readonly dead?: Row;
}

export interface Habits {
  /** One operation at a time. */
  isOrdered(): boolean;
  /** No operation keeps the mailbox from being read. */
  isParallel(): boolean;
  /** False while messages that wait are not read, whatever is under way. */
  isReading(): boolean;
  /** A message about this child is not read before it has stopped. */
  isStopping(id: string): boolean;
  /** Acts when the other supervisors have acted. */
  later(act: () => void): void;
}

export class Process<Row> {
  #mailbox: Message<Row>[] = [];
  #closed = false;
  #depth = 0;
  /** Operations under way, each with the child whose start or stop it waits for. */
  #operations: {
    readonly operation: Operation<Row>;
    readonly row: Row | typeof OTHERS;
    readonly isBackground: boolean;
  }[] = [];
  readonly #around: Habits;

  constructor(around: Habits) {
    this.#around = around;
  }

  /** `isBackground`: the mailbox is read meanwhile. */
  go(read: () => Operation<Row> | undefined, isBackground = false): void {
    this.#step(() => this.#advance(read(), 'ready', isBackground));
  }

  /** The start or stop of this child is over. */
  resume(row: Row | typeof OTHERS, outcome: Outcome): void {
    const resumed = this.#operations.filter((other) => other.row === row);
    this.#operations = this.#operations.filter((other) => other.row !== row);
    this.#step(() => {
      for (const { operation, isBackground } of resumed) this.#advance(operation, outcome, isBackground);
    });
  }

  /** `isHeld`: it is not read before the others. */
  send(message: Message<Row>, isHeld = false): void {
    if (isHeld || this.#isBusy()) this.#mailbox.push(message);
    else this.go(message.read);
  }

  /** A call waits behind an operation under way if it starts something, and never overtakes a message about its child, `row`. */
  call(call: Call, row: Row | undefined, starts: boolean, read: () => Operation<Row> | undefined): void {
    if (this.isAwaited(call.id, row) || (starts && this.#isBusy())) this.#mailbox.push({ call, read });
    else this.go(read);
  }

  /** Its exit, or its addition, is in the mailbox. */
  isAwaited(id: string, row: Row | undefined): boolean {
    return this.#mailbox.some(({ dead, call }) => (row ? dead === row : call?.adds && call.id === id));
  }

  /** Answers calls that are no longer read. */
  supersede(which: (call: Call) => boolean): void {
    const gone = this.#mailbox.filter(({ call }) => call && which(call));
    this.#mailbox = this.#mailbox.filter((message) => !gone.includes(message));
    for (const { call } of gone) call?.reply('SUPERSEDED');
  }

  /** The exit of this child is not read any more. */
  flush(row: Row): void {
    this.#mailbox = this.#mailbox.filter(({ dead }) => dead !== row);
  }

  /** Nothing is read any more. */
  close(): void {
    this.#closed = true;
    this.supersede(() => true);
  }

  #isBusy(): boolean {
    if (this.#around.isParallel()) return false;
    if (this.#depth > 0 || this.#operations.some(({ row }) => row === OTHERS)) return true;
    return this.#around.isOrdered() && this.#operations.some(({ isBackground }) => !isBackground);
  }

  #advance(operation: Operation<Row> | undefined, outcome: Outcome, isBackground: boolean): void {
    if (!operation) return;
    const { done, value } = operation.next(outcome);
    if (done) return;
    this.#operations.push({ operation, row: value, isBackground });
    if (value === OTHERS) this.#around.later(() => this.resume(OTHERS, 'ready'));
  }

  /** Nothing is read in the middle of a step. */
  #step(act: () => void): void {
    this.#depth++;
    act();
    this.#depth--;
    this.#readMailbox();
  }

  #readMailbox(): void {
    while (this.#around.isReading() && !this.#isBusy() && !this.#closed && !this.#isHeld(this.#mailbox[0])) {
      const message = this.#mailbox.shift();
      if (!message) return;
      this.go(message.read);
    }
  }

  #isHeld(message?: Message<Row>): boolean {
    return message?.call !== undefined && !message.call.kills && this.#around.isStopping(message.call.id);
  }
}

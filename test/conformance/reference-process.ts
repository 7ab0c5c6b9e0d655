/*
 * A process of OTP that does one thing after another: operations that wait for starts, and a mailbox that is read when none is under way.
 */

/** How a start that takes time ends. */
export type Outcome = 'ready' | 'failed' | 'called off';
export type Operation<Row, T = void> = Generator<Row, T, Outcome>;
export type Reply = (answer: string) => void;

/** A call about one child. `adds`: of a child that is to come. */
export interface Call {
  readonly id: string;
  readonly adds: boolean;
  readonly reply: Reply;
}

/** A message that waits. `dead`: whose exit it tells. */
interface Message<Row> {
  readonly read: () => Operation<Row> | null;
  readonly call?: Call;
  readonly dead?: Row;
}

export class Process<Row> {
  #mailbox: Message<Row>[] = [];
  #closed = false;
  #depth = 0;
  /** Operations under way, each with the child whose start it waits for. */
  readonly #operations = new Map<Row, Operation<Row>>();
  readonly #isOrdered: () => boolean;

  /** `isOrdered`: one operation at a time. */
  constructor(isOrdered: () => boolean) {
    this.#isOrdered = isOrdered;
  }

  /** The children whose starts are under way. */
  underWay(): Row[] {
    return [...this.#operations.keys()];
  }

  go(read: () => Operation<Row> | null): void {
    this.#step(() => this.#advance(read()));
  }

  /** The start under way of this child is over, if there is one. */
  resume(row: Row, outcome: Outcome): void {
    const operation = this.#operations.get(row);
    this.#operations.delete(row);
    if (operation) this.#step(() => this.#advance(operation, outcome));
  }

  send(message: Message<Row>): void {
    this.#mailbox.push(message);
    this.#readMailbox();
  }

  /** A call waits behind an operation under way if it starts something, and never overtakes a message about its child, `row`. */
  call(call: Call, row: Row | undefined, starts: boolean, read: () => Operation<Row> | null): void {
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
    return this.#depth > 0 || (this.#isOrdered() && this.#operations.size > 0);
  }

  #advance(operation: Operation<Row> | null, outcome: Outcome = 'ready'): void {
    if (!operation) return;
    const { done, value } = operation.next(outcome);
    if (!done) this.#operations.set(value, operation);
  }

  /** Nothing is read in the middle of a step. */
  #step(act: () => void): void {
    this.#depth++;
    act();
    this.#depth--;
    this.#readMailbox();
  }

  #readMailbox(): void {
    while (!this.#isBusy() && !this.#closed) {
      const message = this.#mailbox.shift();
      if (!message) return;
      this.go(message.read);
    }
  }
}

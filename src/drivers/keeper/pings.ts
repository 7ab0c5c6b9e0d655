/** `isAnswered`: false when the keeper is gone or silent. */
type PingListener = (isAnswered: boolean) => void;

/** The pings to one keeper, of which one is under way at a time: those that ask meanwhile share the next one. */
export class Pings {
  readonly #send: (round: number) => void;
  readonly #silent: (ms: number) => void;
  #round = 0;
  #underWay: PingListener[] | null = null;
  #waiting: PingListener[] = [];
  #patience: NodeJS.Timeout | undefined;
  #limit: NodeJS.Timeout | undefined;

  /** `send` sends a ping. `silent` is called once for a ping that is not answered for so many ms. */
  constructor(send: (round: number) => void, silent: (ms: number) => void) {
    this.#send = send;
    this.#silent = silent;
  }

  /** Calls `done` when a ping that was sent after this call is answered, when the keeper has not answered for a minute, or when it is gone. */
  ping(done: PingListener): void {
    this.#waiting.push(done);
    if (this.#underWay === null) this.#begin();
  }

  answered(round: number): void {
    if (round === this.#round) this.#settle(true);
  }

  /** The keeper is gone. */
  close(): void {
    this.#settle(false);
  }

  #begin(): void {
    this.#underWay = this.#waiting.splice(0);
    this.#round += 1;
    this.#patience = setTimeout(() => this.#silent(PATIENCE), PATIENCE).unref();
    this.#limit = setTimeout(() => this.#settle(false), LIMIT).unref();
    this.#send(this.#round);
  }

  #settle(isAnswered: boolean): void {
    const dones = this.#underWay ?? [];
    clearTimeout(this.#patience);
    clearTimeout(this.#limit);
    this.#underWay = null;
    if (this.#waiting.length > 0) this.#begin();
    for (const done of dones) done(isAnswered);
  }
}

/** How long a keeper may leave a ping unanswered before that is reported as a problem of the tree, in ms. */
const PATIENCE = 10_000;

/** How long deadlines of agents wait for the answer to a ping, in ms; then they are judged without it, so that a stop ends. */
const LIMIT = 60_000;

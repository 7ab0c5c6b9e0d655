import { type ErrorDetails, SupertreeError } from '../../errors.js';
import type { Answer, AnswerCode, Token } from '../../model/fact.js';
import { joinPath } from '../../model/id.js';

/** The pending commands of one supervisor. */
export class Pending {
  readonly #path: string;
  readonly #waiting = new Map<Token, (answer: Answer) => void>();
  readonly #blockersOf: (id: string) => string;
  #last: Token = 0;

  /** `blockersOf`: the processes that keep a child from being gone, as text. */
  constructor(path: string, blockersOf: (id: string) => string) {
    this.#path = path;
    this.#blockersOf = blockersOf;
  }

  /** Makes a token for a command for `id` and passes it to `send`. Resolves with the id of the answer, rejects with its code. */
  open(command: string, id: string, send: (token: Token) => void): Promise<string> {
    return new Promise((resolve, reject) => {
      const token = ++this.#last;
      this.#waiting.set(token, (answer) => {
        if (answer.ok) resolve(answer.id);
        else reject(this.#errorOf(command, id, answer));
      });
      send(token);
    });
  }

  settle(token: Token, answer: Answer): void {
    const settle = this.#waiting.get(token);
    this.#waiting.delete(token);
    settle?.(answer);
  }

  #errorOf(command: string, id: string, { code, reason }: Extract<Answer, { ok: false }>): SupertreeError {
    const common = { agent: joinPath(this.#path, id), id, path: this.#path, command };
    return new SupertreeError(code, { ...common, ...DETAILS[code](reason, () => this.#blockersOf(id)) });
  }
}

/** The details of the error for each code of an answer: the name under which its sentence uses the reason. */
const DETAILS: Readonly<Record<AnswerCode, (reason: string, blockers: () => string) => ErrorDetails>> = {
  SUPERSEDED: (by) => ({ by }),
  POOL_FULL: (max) => ({ max: Number(max) }),
  SUPERVISOR_ENDED: (status) => ({ status }),
  START_FAILED: (reason) => ({ reason }),
  EXHAUSTED: (reason) => ({ reason }),
  // The present blockers; the engine only knows the earlier ones.
  ZOMBIE: (_reason, blockers) => ({ blockers: blockers() }),
  NOT_FOUND: () => ({}),
  ALREADY_STARTED: () => ({}),
  ALREADY_PRESENT: () => ({}),
  RUNNING: () => ({}),
  RESTARTING: () => ({}),
  SIMPLE_ONE_FOR_ONE: () => ({}),
};

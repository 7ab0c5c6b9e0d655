import { NOTHING_SENT } from './session.js';

/** Tracks requests that change something, for the note of an interrupt: which of them the server has accepted. */
export class InFlight {
  #begun = 0;
  #unaccepted = 0;

  /** Calls `request`, which must call `accepted` once the server has accepted the request. */
  async track<T>(request: (accepted: () => void) => Promise<T>): Promise<T> {
    let isUnaccepted = true;
    const settle = () => {
      if (isUnaccepted) this.#unaccepted -= 1;
      isUnaccepted = false;
    };
    this.#begun += 1;
    this.#unaccepted += 1;
    try {
      return await request(settle);
    } finally {
      settle();
    }
  }

  /** The note of an interrupt; `what` names the command. */
  note(what: string): string {
    if (this.#begun === 0) return NOTHING_SENT;
    const outcome =
      this.#unaccepted === 0 ? `The server goes on with ${what}` : `The ${what} may have been carried out anyway`;
    return `Interrupted. ${outcome}; see \`supertree ps\`.`;
  }
}

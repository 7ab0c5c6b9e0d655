import { NOTHING_SENT } from './session.js';

/** Tracks requests that change something, for the note of an interrupt: which of them the server has accepted. */
export class Fate {
  #begun = 0;
  #unsure = 0;

  /** Does `request`, which is to call `accepted` once the server has accepted it. */
  async of<T>(request: (accepted: () => void) => Promise<T>): Promise<T> {
    let isUnsure = true;
    const known = () => {
      if (isUnsure) this.#unsure -= 1;
      isUnsure = false;
    };
    this.#begun += 1;
    this.#unsure += 1;
    try {
      return await request(known);
    } finally {
      known();
    }
  }

  /** The note of an interrupt; `what` names the command. */
  note(what: string): string {
    if (this.#begun === 0) return NOTHING_SENT;
    const fate =
      this.#unsure === 0 ? `The server goes on with ${what}` : `The ${what} may have been carried out all the same`;
    return `Interrupted. ${fate}; see \`supertree ps\`.`;
  }
}

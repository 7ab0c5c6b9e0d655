import { NOTHING_SENT } from './session.js';

/** What is known of requests that change something, for whom an interrupt ends the wait for them. */
export class Fate {
  #begun = 0;
  #unsure = 0;

  /** Does `request`, which is to call `accepted` once the server says that it has taken it. */
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

  /** What an interrupt says while the server is asked for `what`. */
  note(what: string): string {
    if (this.#begun === 0) return NOTHING_SENT;
    const fate =
      this.#unsure === 0 ? `The server goes on with ${what}` : `The ${what} may have been carried out all the same`;
    return `Interrupted. ${fate}; see \`supertree ps\`.`;
  }
}

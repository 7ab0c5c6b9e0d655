/** The state of an agent that the last answer to a command has confirmed. */
export type WantedState = 'up' | 'down' | 'absent';

interface Entry {
  state: WantedState | 'unknown';
  isBusy: boolean;
  /** The number of the last command. */
  turn: number;
}

/** A command for one agent that is under way. */
export interface Turn {
  /** It was answered. */
  done(state: WantedState): void;
  /** It was refused, or its answer is lost: the server may have carried it out. */
  failed(): void;
}

/** The states of agents as the answers of commands have promised them. One command for an agent is under way at a time. */
export class Wanted {
  readonly #entries = new Map<string, Entry>();
  /** Counts how often everything was lost. */
  #epoch = 0;

  /** `null` while another command for the agent is under way. */
  begin(path: string): Turn | null {
    const entry = this.#entries.get(path) ?? { state: 'unknown', isBusy: false, turn: 0 };
    if (entry.isBusy) return null;
    this.#entries.set(path, entry);
    const epoch = this.#epoch;
    entry.isBusy = true;
    entry.turn += 1;
    const end = (state: Entry['state']) => {
      entry.isBusy = false;
      entry.state = epoch === this.#epoch ? state : 'unknown';
    };
    return { done: end, failed: () => end('unknown') };
  }

  /** Server and keeper were lost together, and with them what they knew. */
  forget(): void {
    this.#epoch += 1;
    for (const entry of this.#entries.values()) entry.state = 'unknown';
  }

  /** The agents whose state is known, and which no command is under way for. */
  settled(): { path: string; state: WantedState; turn: number }[] {
    const known = [...this.#entries].filter(([, { isBusy, state }]) => !isBusy && state !== 'unknown');
    return known.map(([path, { state, turn }]) => ({ path, state: state as WantedState, turn }));
  }

  /** True when no command has begun since then. */
  isStill(path: string, state: WantedState, turn: number): boolean {
    const entry = this.#entries.get(path);
    return entry !== undefined && !entry.isBusy && entry.turn === turn && entry.state === state;
  }
}

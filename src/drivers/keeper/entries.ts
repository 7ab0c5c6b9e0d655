import { Packr, Unpackr } from 'msgpackr';
import type { Store } from '../../contract/store.js';
import type { ToKeeper } from './protocol/messages.js';

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false });

/** The entries of a tree in its keeper. This program has them all as well: when the keeper is killed, the next one gets them. */
export class KeeperEntries implements Store {
  readonly earlier = new Map<string, unknown>();
  readonly #own = new Map<string, Uint8Array>();
  #send: ((message: ToKeeper) => void) | undefined;

  /** Takes over those of an earlier program. */
  inherit(entries: ReadonlyMap<string, Uint8Array>): void {
    for (const [key, value] of entries) {
      this.#own.set(key, value);
      this.earlier.set(key, unpackr.unpack(value));
    }
  }

  /** Changes go to this keeper from now on; `isNew`: it has no entries yet. Without a keeper, `null`. */
  connect(send: ((message: ToKeeper) => void) | null, isNew = false): void {
    this.#send = send ?? undefined;
    if (isNew) for (const [key, value] of this.#own) send?.({ type: 'remember', key, value });
  }

  set(key: string, value: unknown): void {
    // The packer overwrites its buffer.
    const bytes = Uint8Array.from(packr.pack(value));
    this.#own.set(key, bytes);
    this.#send?.({ type: 'remember', key, value: bytes });
  }

  delete(key: string): void {
    if (this.#own.delete(key)) this.#send?.({ type: 'forget', key });
  }
}

import { Packr, Unpackr } from 'msgpackr';
import type { Store } from '../../contract/store.js';
import type { ToKeeper } from './protocol/messages.js';

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false });

/** One that keeps entries. */
interface EntryKeeper {
  send(message: ToKeeper): void;
}

/** The entries of a tree in each of its keepers: any of them may be the last. This program has them all as well: when a keeper is killed, the next one gets them. */
export class KeeperEntries implements Store {
  readonly earlier = new Map<string, unknown>();
  readonly #own = new Map<string, Uint8Array>();
  readonly #keepers = new Set<EntryKeeper>();

  /** Takes over those of an earlier program; those of the last keeper replace those of others. */
  inherit(entries: ReadonlyMap<string, Uint8Array>): void {
    for (const [key, value] of entries) {
      this.#own.set(key, value);
      this.earlier.set(key, unpackr.unpack(value));
    }
  }

  /** This keeper has all entries from now on. `known`: those that it has already. */
  connect(keeper: EntryKeeper, known: ReadonlyMap<string, Uint8Array>): void {
    this.#keepers.add(keeper);
    for (const [key, value] of this.#own) {
      const before = known.get(key);
      if (before === undefined || Buffer.compare(before, value) !== 0) keeper.send({ type: 'remember', key, value });
    }
  }

  /** The keeper is gone. */
  disconnect(keeper: EntryKeeper): void {
    this.#keepers.delete(keeper);
  }

  set(key: string, value: unknown): void {
    // The packer overwrites its buffer.
    const bytes = Uint8Array.from(packr.pack(value));
    this.#own.set(key, bytes);
    this.#tell({ type: 'remember', key, value: bytes });
  }

  delete(key: string): void {
    if (this.#own.delete(key)) this.#tell({ type: 'forget', key });
  }

  #tell(message: ToKeeper): void {
    for (const keeper of this.#keepers) keeper.send(message);
  }
}

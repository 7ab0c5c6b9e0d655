import type { Kept, KeptOutput } from '../driver.js';
import type { HistoryPart, KeeperRecord, KeptAgent } from './connection.js';
import { streamName } from './protocol/messages.js';

/** An agent of an earlier program until it is adopted: what its keeper has sent of it waits here, not acknowledged. */
export class Inherited implements Kept {
  readonly agent: KeptAgent;
  readonly output: KeptOutput[] = [];
  readonly #records: KeeperRecord[] = [];
  #noteGone!: () => void;
  /** Resolves when no process of it is left. */
  readonly gone = new Promise<void>((resolve) => {
    this.#noteGone = resolve;
  });

  constructor(agent: KeptAgent) {
    this.agent = agent;
  }

  get incarnation(): number {
    return this.agent.incarnation;
  }

  /** True when its main process has ended. */
  get hasEnded(): boolean {
    return this.agent.pid === 0 || this.#records.some(({ type }) => type === 'exited');
  }

  addHistory({ stream, bytes, at, lost }: HistoryPart): void {
    this.output.push({ stream: streamName(stream), bytes, at, lost });
  }

  addRecord(record: KeeperRecord): void {
    this.#records.push(record);
    if (record.type === 'gone' || record.type === 'failed' || (record.type === 'exited' && record.isEmpty))
      this.#noteGone();
  }

  /** The next record, oldest first; `undefined` when there is none. */
  takeRecord(): KeeperRecord | undefined {
    return this.#records.shift();
  }
}

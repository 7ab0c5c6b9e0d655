import { STREAM } from '../protocol/messages.js';
import { type Chunk, History } from './history.js';

/** Receives the bytes of one stream. */
export interface OutputReader {
  /** The bytes are overwritten by the next read. False pauses the stream. */
  read(bytes: Uint8Array): boolean;
  /** Called once, when the stream is at its end, broken or closed. */
  closed(): void;
}

/** A stream that an agent writes. */
export interface OutputSource {
  /** Reads on after a pause. */
  resume(): void;
  close(): void;
}

/** Begins to read a stream. */
export type OpenOutput = (reader: OutputReader) => OutputSource;

/** Receives the output of an agent. */
export interface OutputListener {
  /** The bytes are overwritten by the next read. False pauses the stream. */
  read(stream: number, bytes: Uint8Array): boolean;
  /** A stream was read to its end, or closed. */
  closed(stream: number): void;
}

/** What a successor of the program gets of each stream, and the longest line, in bytes. */
export interface Retention {
  readonly history: number;
  readonly lineBytes: number;
}

/** A part of the history of a stream; `lost` lines come before it. */
export interface Replayed extends Chunk {
  readonly stream: number;
  readonly lost: number;
}

/** The output pipes of one agent, and the last bytes that were read from them. */
export class AgentOutput {
  readonly #listener: OutputListener;
  readonly #retention: Retention | null;
  readonly #pipes = new Set<OutputSource>();
  readonly #histories = new Map<number, History>();

  /** `retention`: `null` when no successor will want what was read. */
  constructor(listener: OutputListener, retention: Retention | null) {
    this.#listener = listener;
    this.#retention = retention;
  }

  /** True while a pipe is not read to its end. */
  get isOpen(): boolean {
    return this.#pipes.size > 0;
  }

  /** Begins to read a stream. The messages of the readiness channel are no output and have no history. */
  open(stream: number, source: OpenOutput): void {
    const history = stream === STREAM.notify ? undefined : this.#newHistory(stream);
    const pipe = source({
      read: (bytes) => {
        history?.add(bytes, Date.now());
        return this.#listener.read(stream, bytes);
      },
      closed: () => {
        this.#pipes.delete(pipe);
        this.#listener.closed(stream);
      },
    });
    this.#pipes.add(pipe);
  }

  /** Reads on after a pause. */
  readOn(): void {
    for (const pipe of this.#pipes) pipe.resume();
  }

  /** Reads nothing more. */
  close(): void {
    for (const pipe of this.#pipes) pipe.close();
  }

  /** The history of all streams. */
  *replay(): Generator<Replayed> {
    for (const [stream, history] of this.#histories) {
      const { lost, chunks } = history.read();
      if (chunks.length === 0) yield { stream, lost, bytes: new Uint8Array(), at: 0 };
      for (const [index, chunk] of chunks.entries()) yield { stream, lost: index === 0 ? lost : 0, ...chunk };
    }
  }

  #newHistory(stream: number): History | undefined {
    if (this.#retention === null) return undefined;
    const history = new History(this.#retention.history, this.#retention.lineBytes);
    this.#histories.set(stream, history);
    return history;
  }
}

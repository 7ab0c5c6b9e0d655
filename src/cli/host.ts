import type { Client } from '../transport/client.js';

/** One of the two output streams. */
export interface Sink {
  /** Writes in order and never throws; what a reader that has gone away would have read is dropped. */
  write(data: string | Uint8Array): void;
  readonly terminal: boolean;
  /** Columns of the terminal; infinite when it is none. */
  readonly columns: number;
}

/**
 * Everything the command line touches outside itself. `main.ts` makes the real one; tests make their own.
 */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly cwd: string;
  /** Wall-clock ms. */
  now(): number;
  readonly out: Sink;
  readonly err: Sink;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdinTerminal: boolean;
  /** Rejects NO_SERVER, ENDPOINT_INVALID. */
  connect(endpoint: string | undefined): Promise<Client>;
  /** Runs the bundled server until it has ended; resolves with the exit code. */
  serve(options: ServeRequest): Promise<number>;
  /** Calls `listener` on SIGINT and SIGTERM instead of ending at once. Returns the way to undo that. */
  onInterrupt(listener: (signal: 'SIGINT' | 'SIGTERM') => void): () => void;
}

/** What `supertree serve` was told. */
export interface ServeRequest {
  /** Absolute path of the tree file. */
  readonly file?: string;
  readonly endpoint?: string;
  readonly pubEndpoint?: string;
  readonly maxAgents?: number;
}

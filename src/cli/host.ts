import type { Client } from '../client/client.js';

/** One of the two output streams. */
export interface Sink {
  /**
   * Writes in order and never throws; what a reader that has gone away would have read is dropped. On a terminal every character that it would obey
   * is spelled out, but for newlines and tabs; `styled` keeps our own colours too, `raw` is written byte for byte.
   */
  write(data: string | Uint8Array, as?: 'styled' | 'raw'): void;
  readonly terminal: boolean;
  /** Columns of the terminal; infinite when it is none. */
  readonly columns: number;
  /** Rows of the terminal. If not given, infinite. */
  readonly rows?: number;
  /** Calls `listener` when the terminal gets another size. Returns the way to end that. If not given, it never does. */
  onResize?(listener: () => void): () => void;
  /** Resolves when a slow reader has caught up, `false` when it has gone away. If not given, it always has. */
  drained?(): Promise<boolean>;
}

/**
 * Everything the command line touches outside itself. `main.ts` makes the real one; tests make their own.
 */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The present directory, absolute. Throws CWD_GONE when there is none any more. */
  readonly cwd: string;
  /** Wall-clock ms. */
  now(): number;
  readonly out: Sink;
  readonly err: Sink;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdinTerminal: boolean;
  /** Calls `listener` with what is typed, key by key and unseen, Ctrl-C included. Returns the way to end that. If not given, there is no keyboard. */
  keys?(listener: (key: string) => void): () => void;
  /**
   * `owner` is the user whose server is meant; if not given, see `connect`. Rejects NO_SERVER, ENDPOINT_INVALID, ENDPOINT_FOREIGN,
   * ENDPOINT_UNUSABLE, KEY_REFUSED; KEY_FILE and KEY_INVALID for what `identity` names.
   */
  connect(endpoint: string | undefined, identity?: Identity, owner?: number): Promise<Client>;
  /**
   * Until it is undone, writes `leave` when this process is ended by a signal or an error that nobody catches, or is stopped (SIGTSTP); when it
   * goes on after that, writes `enter` and calls `redraw`. Returns the way to undo that. If not given, nothing of it happens.
   */
  guardTerminal?(enter: string, leave: string, redraw: () => void): () => void;
  /** Runs the bundled server until it has ended; resolves with the exit code. */
  serve(options: ServeRequest): Promise<number>;
  /** Calls `listener` on SIGINT and SIGTERM instead of ending at once. Returns the way to undo that. */
  onInterrupt(listener: (signal: 'SIGINT' | 'SIGTERM') => void): () => void;
}

/** Where the keys of a client are. */
export interface Identity {
  /** Absolute path of its secret key. */
  readonly keyFile: string;
  /** The public key of the server, or the absolute path of its file. */
  readonly serverKey: string;
}

/** What `supertree serve` was told. */
export interface ServeRequest {
  /** Absolute path of the tree file. */
  readonly file?: string;
  readonly endpoint?: string;
  readonly pubEndpoint?: string;
  readonly maxAgents?: number;
  /** Absolute path of the file with the keys. */
  readonly keys?: string;
  /** Absolute path of the audit log. */
  readonly audit?: string;
  /** Binds tcp endpoints that others can reach although there are no keys. */
  readonly insecure?: boolean;
}

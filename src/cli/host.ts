import type { Client } from '../client/client.js';
import type { DriverName } from '../model/driver-name.js';
import type { Finding } from '../model/finding.js';

/** One of the two output streams. */
export interface Sink {
  /**
   * Writes in order and never throws; data for a reader that has gone is dropped. On a terminal, control characters other than newline and tab are
   * spelled out; `styled` keeps the colours of supertree, `raw` is written byte for byte.
   */
  write(data: string | Uint8Array, as?: 'styled' | 'raw'): void;
  readonly terminal: boolean;
  /** Columns of the terminal; infinite without a terminal. */
  readonly columns: number;
  /** Rows of the terminal. If not given, infinite. */
  readonly rows?: number;
  /** Calls `listener` when the terminal is resized. Returns a function that removes the listener. If not given, the size is fixed. */
  onResize?(listener: () => void): () => void;
  /** Resolves when a slow reader has caught up, with `false` when it has gone. If not given, writes are never slow. */
  drained?(): Promise<boolean>;
}

/** The environment of the command line. `main.ts` makes the real one; tests make their own. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The current directory, absolute. Throws CWD_GONE when it was deleted. */
  readonly cwd: string;
  /** Wall-clock ms. */
  now(): number;
  readonly out: Sink;
  readonly err: Sink;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdinTerminal: boolean;
  /** Calls `listener` with each key and its bytes, without echo, Ctrl-C included. Returns a function that undoes that. If not given, there is no keyboard. */
  keys?(listener: (key: string, bytes: Uint8Array) => void): () => void;
  /**
   * Lets the terminal show line ends as they are written, a line feed without a carriage return too, until `keys` is undone. If not given, there is no terminal.
   */
  passLineEnds?(): void;
  /**
   * `owner` is the user id that the server must run as; if not given, see `connect`. Rejects NO_SERVER, ENDPOINT_INVALID, ENDPOINT_FOREIGN,
   * ENDPOINT_UNUSABLE, KEY_REFUSED; KEY_FILE and KEY_INVALID for the files of `keyFiles`.
   */
  connect(endpoint: string | undefined, keyFiles?: ClientKeyFiles, owner?: number): Promise<Client>;
  /**
   * Writes `leave` when this process is ended by a signal or an uncaught error, or is suspended (SIGTSTP); when it continues, writes `enter` and
   * calls `redraw`. Returns a function that undoes that. If not given, the terminal is not guarded.
   */
  guardTerminal?(enter: string, leave: string, redraw: () => void): () => void;
  /** Examines whether a server or a program that embeds a tree can run here. Never rejects. */
  examine(request: ExamineRequest): Promise<Finding[]>;
  /** Runs the bundled server until it has ended; resolves with the exit code. */
  serve(options: ServeRequest): Promise<number>;
  /** Calls `listener` on SIGINT and SIGTERM, which then do not end the process. Returns a function that undoes that. */
  onInterrupt(listener: (signal: 'SIGINT' | 'SIGTERM') => void): () => void;
}

/** The key files of a client. */
export interface ClientKeyFiles {
  /** Absolute path of its secret key. */
  readonly keyFile: string;
  /** The public key of the server, or the absolute path of its file. */
  readonly serverKey: string;
}

/** What `supertree doctor` examines beside the machine itself. */
export interface ExamineRequest {
  /** The endpoint of the server, which may run or not. */
  readonly endpoint: string;
  /** Connects to it; resolves when the server has answered, and rejects as `connect`. */
  readonly greet: () => Promise<void>;
  /** Absolute path of the state directory. If not given, none is examined. */
  readonly state?: string;
}

/** The arguments of `supertree serve`. */
export interface ServeRequest {
  /** Absolute path of the tree file. */
  readonly file?: string;
  readonly endpoint?: string;
  readonly pubEndpoint?: string;
  readonly maxAgents?: number;
  /** Runs the commands. */
  readonly driver?: DriverName;
  /** Absolute path of the state directory. */
  readonly state?: string;
  /** Absolute path of the file with the keys. */
  readonly keys?: string;
  /** Absolute path of the audit log. */
  readonly audit?: string;
  /** Binds tcp endpoints that others can reach even without keys. */
  readonly insecure?: boolean;
}

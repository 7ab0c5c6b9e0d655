/*
 * The messages between a program and its keeper, one table for each direction: the number of a message on the wire and its fields in their order. Messages
 * about an agent carry its number, which the program chooses; those from the keeper carry the number of the record as well, counted per agent from 1.
 */

/**
 * The version of this protocol and of the keeper, the first byte in each direction. A keeper sends its own one at once; a program answers with the same one, or
 * with its own where that is lower. Raised by a change that agents should not wait for a reboot for: the agents of another keeper are served until they end,
 * and start anew below one of this version. So a program sends `start` only to a keeper of its own version, and that message may change; every other one
 * stays as it is (decision 45). New types of message may be added: a program ignores a type that it does not know, and sends an older
 * keeper only types that this keeper knows.
 */
export const KEEPER_VERSION = 6;

/** The oldest version that is understood. */
export const OLDEST_VERSION = 4;

/** From this version on, a program may connect to its keeper again. */
export const LINK_VERSION = 6;

/**
 * What a program writes to the standard input of its keeper, as one line of JSON. It leaves standard input open until the `welcome`: where it ends
 * before, the keeper ends as well, because nobody would connect any more.
 */
export interface KeeperSettings {
  /** What the `hello` must have. */
  readonly secret: string;
  /** The name of the tree, for ps(1). */
  readonly tree: string;
  /**
   * The path of the socket of a keeper that keeps: when its program ends without an `end`, the agents run on and the keeper waits there for a successor.
   * `null` for one that ends its agents when its program ends.
   */
  readonly keep: string | null;
  /** Whether it may use native code where that works. */
  readonly native: boolean;
}

/**
 * What a keeper writes to its standard output, as one line of JSON: the path of its socket when it listens, else why it cannot run; then it ends with code 1.
 * The keeper makes the socket in a new directory of mode 0700, so that none is left behind when the program is killed meanwhile, and removes both at its end,
 * if they still exist.
 */
export type KeeperReady = { readonly problem: null; readonly socket: string } | { readonly problem: string };

/** The name of the directory that a keeper makes for its socket begins with this. */
export const KEEPER_DIRECTORY = 'supertree-keeper-';

/** The types of fields. `size` is a whole number from 0, `time` any number that is not NaN. */
interface FieldTypes {
  readonly size: number;
  readonly time: number;
  readonly flag: boolean;
  readonly text: string;
  readonly 'text or null': string | null;
  readonly bytes: Uint8Array;
  readonly 'number or null': number | null;
}

export type FieldType = keyof FieldTypes;

export interface MessageShape {
  readonly code: number;
  readonly fields: Readonly<Record<string, FieldType>>;
}

export type MessageTable = Readonly<Record<string, MessageShape>>;

/** The messages of a table as objects with their name as `type`. */
export type MessageOf<T extends MessageTable> = {
  readonly [Name in keyof T]: { readonly type: Name } & {
    readonly [Field in keyof T[Name]['fields']]: FieldTypes[T[Name]['fields'][Field]];
  };
}[keyof T];

export const TO_KEEPER = {
  /**
   * Before the `hello`, from a program that connects again when it has lost its connection. `thread` and `ticks` are the id and the start time of its thread: while
   * that lives, the keeper waits for it. `link` is the same at all its connections, and `received` says how many messages of the keeper have come.
   */
  link: { code: 21, fields: { link: 'text', thread: 'size', ticks: 'size', received: 'size' } },
  /** So many messages of the link have come. Neither this message, nor `link`, nor `hello` is one of them. */
  received: { code: 19, fields: { count: 'size' } },
  /** The first message. `pid` is that of the program. */
  hello: { code: 1, fields: { secret: 'text', pid: 'size' } },
  /**
   * `argv` and `env` are strings, each ended by a null byte. `socket` is the abstract name of its NOTIFY_SOCKET, empty for none. `stdin` is a StdinMode;
   * `columns` and `rows` are the size of its terminal, and `owner` the uid that it belongs to, `null` for that of the keeper. `merged`: both outputs are one stream, that of stdout. The fields from `closeInput` on are the stop
   * stages: `closeInput` is 0 when the input is not closed first, and `mainOnly` says that `ask` is for the main process alone, whose end kills the others. A successor gets `path` and `incarnation`, and the last `history` bytes of each stream, whose lines have at most
   * `lineBytes`.
   */
  start: {
    code: 2,
    fields: {
      agent: 'size',
      path: 'text',
      incarnation: 'size',
      argv: 'bytes',
      env: 'bytes',
      cwd: 'text or null',
      token: 'text',
      stdin: 'text',
      columns: 'size',
      rows: 'size',
      owner: 'number or null',
      notify: 'flag',
      socket: 'text',
      merged: 'flag',
      umask: 'number or null',
      nice: 'number or null',
      oomScoreAdj: 'number or null',
      closeInput: 'time',
      mainOnly: 'flag',
      signal: 'size',
      ask: 'time',
      insist: 'time',
      history: 'size',
      lineBytes: 'size',
    },
  },
  /**
   * Sends a signal to the whole tree, or to the main process alone, and then SIGCONT to the whole tree. `after`: how long after the previous `ask` or `kill` this one was given, in ms; the keeper leaves at
   * least that much time between them, so that an agent has it although the keeper was stopped meanwhile and reads both at once.
   */
  ask: { code: 3, fields: { agent: 'size', signal: 'size', after: 'time' } },
  /** Sends SIGKILL to the whole tree until it is empty. `after` as for `ask`. */
  kill: { code: 4, fields: { agent: 'size', after: 'time' } },
  /** Sends a signal to the process group alone. */
  signal: { code: 5, fields: { agent: 'size', signal: 'size' } },
  /** Stops the whole tree by SIGSTOP; `round` comes back with the result. */
  freeze: { code: 6, fields: { agent: 'size', round: 'size' } },
  thaw: { code: 7, fields: { agent: 'size' } },
  /** Bytes for standard input, answered by `taken`. The next ones may follow then; those that come earlier are refused with EAGAIN. */
  input: { code: 8, fields: { agent: 'size', bytes: 'bytes' } },
  /** Closes standard input. `after` as for `ask`: it may be the first stage of a stop. */
  endInput: { code: 9, fields: { agent: 'size', after: 'time' } },
  /** Changes the size of its terminal. The same size makes the program draw anew. */
  resize: { code: 17, fields: { agent: 'size', columns: 'size', rows: 'size' } },
  /** Stops reading the output: a `closed` follows for each stream that is open. */
  drain: { code: 10, fields: { agent: 'size' } },
  /** Asks for a `pong` of the same round. */
  ping: { code: 20, fields: { round: 'size' } },
  /** Looks for processes of agents that have come, for a keeper that recognises them only when it has seen them. */
  look: { code: 18, fields: {} },
  /** All records of the agent up to this one have arrived. */
  acknowledge: { code: 11, fields: { agent: 'size', record: 'size' } },
  /** Takes over an agent that was `kept`: its `history` and its records follow. */
  adopt: { code: 12, fields: { agent: 'size' } },
  /** Ends an agent that was `kept` by its stop stages. Nothing of it is reported. */
  discard: { code: 13, fields: { agent: 'size' } },
  /** An entry for a successor; it replaces the one with the same key. */
  remember: { code: 14, fields: { key: 'text', value: 'bytes' } },
  forget: { code: 15, fields: { key: 'text' } },
  /** The program needs no successor: when the connection is closed, a keeper that keeps ends as well. */
  end: { code: 16, fields: {} },
} as const satisfies MessageTable;

export const FROM_KEEPER = {
  /** The answer to `link` and `hello`: so many messages of the link have come. Those that the other side does not have follow, in both directions. */
  linked: { code: 15, fields: { received: 'size' } },
  /** As in the other direction. Neither this message, nor `linked`, nor a `problem` before it is one of them. */
  received: { code: 19, fields: { count: 'size' } },
  /**
   * The secret was right. `isBranded`: descendants are recognised by their brand; else by session and environment. `weakness`: why the keeper works without
   * native code, `null` when it has that.
   */
  welcome: { code: 1, fields: { pid: 'size', isBranded: 'flag', weakness: 'text or null' } },
  /** `ticks` is the start time of the process in /proc/PID/stat; `brand` its limit of file locks, in decimal, empty when it has none. */
  spawned: {
    code: 2,
    fields: { agent: 'size', record: 'size', pid: 'size', ticks: 'size', brand: 'text', at: 'time' },
  },
  /** The last record of an agent that was not spawned. `option` is the attribute that the system has refused, else empty. */
  failed: { code: 3, fields: { agent: 'size', record: 'size', errno: 'size', option: 'text', at: 'time' } },
  output: { code: 4, fields: { agent: 'size', record: 'size', stream: 'size', bytes: 'bytes' } },
  /** A stream was read to its end. */
  closed: { code: 5, fields: { agent: 'size', record: 'size', stream: 'size' } },
  /** The main process was reaped. `isEmpty`: none of its descendants is left, and no `gone` follows. */
  exited: { code: 6, fields: { agent: 'size', record: 'size', status: 'size', isEmpty: 'flag', at: 'time' } },
  /** No descendant is left. */
  gone: { code: 7, fields: { agent: 'size', record: 'size' } },
  /** `problem` is empty when every member of the tree is stopped. */
  frozen: { code: 8, fields: { agent: 'size', record: 'size', round: 'size', problem: 'text', at: 'time' } },
  /** The system has taken the bytes of `input`, or refused them with an errno. */
  taken: { code: 9, fields: { agent: 'size', record: 'size', errno: 'size' } },
  /** The keeper has read what its agents had written, and reaped what had ended, when the `ping` came. */
  pong: { code: 20, fields: { round: 'size' } },
  /** The keeper has a problem that belongs to no agent, for example an orphan that cannot be attributed to one. */
  problem: { code: 10, fields: { text: 'text' } },
  /** After the `welcome`: an entry that an earlier program gave. */
  remembered: { code: 11, fields: { key: 'text', value: 'bytes' } },
  /** After the entries: an agent of an earlier program. `pid` is 0 when it was not spawned; the other fields are those of `start` and `spawned`. */
  kept: {
    code: 12,
    fields: {
      agent: 'size',
      path: 'text',
      incarnation: 'size',
      token: 'text',
      pid: 'size',
      ticks: 'size',
      brand: 'text',
      at: 'time',
    },
  },
  /** The end of what an earlier program left. */
  complete: { code: 13, fields: {} },
  /** Output of an adopted agent, read at `at`, after so many lines that are `lost`. */
  history: { code: 14, fields: { agent: 'size', stream: 'size', lost: 'size', bytes: 'bytes', at: 'time' } },
} as const satisfies MessageTable;

export type ToKeeper = MessageOf<typeof TO_KEEPER>;
export type FromKeeper = MessageOf<typeof FROM_KEEPER>;

/** The streams of `output` and `closed`. */
export const STREAM = { stdout: 1, stderr: 2, notify: 3 } as const;

/** The name of a stream of output. */
export function streamName(stream: number): 'stdout' | 'stderr' {
  return stream === STREAM.stdout ? 'stdout' : 'stderr';
}

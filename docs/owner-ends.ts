/** What becomes of the agents of a program: all of them, with all that they started, or none. */
export type Fate =
  /** They are ended by their stop stages, and nothing is left. */
  | 'ended'
  /** They run on, and the next server with the same state directory takes them over. */
  | 'kept'
  /** They run on below the same program. */
  | 'unaffected';

/** One way in which a program ends, or comes close to it, and the fate of its agents; `null` where it cannot happen. */
export interface OwnerEnd {
  readonly how: string;
  /** Below a program that embeds a tree. */
  readonly embedded: Fate;
  readonly server: Fate | null;
  /** Below a server with a state directory. */
  readonly keeping: Fate | null;
}

const CRASH = { embedded: 'ended', server: 'ended', keeping: 'kept' } as const;
const ASKED = { embedded: 'ended', server: 'ended', keeping: 'ended' } as const;
const GOES_ON = { embedded: 'unaffected', server: 'unaffected', keeping: 'unaffected' } as const;
const EMBEDDED_ONLY = { server: null, keeping: null } as const;

/** The table in docs/drivers.md; test/e2e/owner-ends.long.test.ts tests each cell with real processes. */
export const OWNER_ENDS = {
  returns: { how: 'its main module has run to its end', embedded: 'unaffected', ...EMBEDDED_ONLY },
  exit: { how: '`process.exit()`', ...CRASH },
  throw: { how: 'an uncaught error', ...CRASH },
  SIGTERM: { how: 'SIGTERM, without a handler of its own', ...ASKED },
  SIGINT: { how: 'SIGINT, without a handler of its own', ...ASKED },
  SIGHUP: { how: 'SIGHUP, without a handler of its own', ...ASKED },
  SIGKILL: { how: 'SIGKILL', ...CRASH },
  thread: { how: 'the worker thread that runs the tree is terminated', embedded: 'ended', ...EMBEDDED_ONLY },
  memory: { how: 'out of memory', ...CRASH },
  descriptors: { how: 'out of file descriptors', ...GOES_ON },
  SIGSTOP: { how: 'SIGSTOP, and SIGCONT later', ...GOES_ON },
} as const satisfies Readonly<Record<string, OwnerEnd>>;

/** One line of the audit log. It has no data, no arguments and no environment. */
export interface AuditLine {
  /** The name of the key; `local` for a socket without keys. */
  readonly key: string;
  readonly request: string;
  readonly verb: string;
  /** The agent or supervisor that it was about; `null` when there is none of that name, or when it was about none. */
  readonly path: string | null;
  /**
   * The child of the supervisor at `path` that it was about: its id as the tree knows it once it was done, before that as the peer
   * named it, cut at 128 characters. `null` when it was about none, or named none.
   */
  readonly child: string | null;
  /** `refused`: the peer may not do it, or named what does not exist for it. `failed`: it may, and it did not work. */
  readonly outcome: 'done' | 'failed' | 'refused';
  /** The code of the error; `null` when it was done. */
  readonly code: string | null;
  /** Where a connection came from that was turned away: its IP address. If not given, libzmq did not say, or it is about no connection. */
  readonly address?: string;
  /** The key of a connection that was turned away, in Z85: the public half. If not given, none was proved, or it is about no connection. */
  readonly publicKey?: string;
  /** How many more connections were turned away for the same reason, which have no line of their own. If not given, none. */
  readonly repeated?: number;
}

export type Audit = (line: AuditLine) => void;

/**
 * The same audit, never throwing: a line that cannot be written must not change the answer to what has been done already, nor keep a
 * server from its work. The first of the lines that are lost in a row is told to `failed`.
 */
export function nonThrowing(audit: Audit, failed: (thrown: unknown) => void): Audit {
  let works = true;
  return (line) => {
    try {
      audit(line);
      works = true;
    } catch (thrown) {
      if (works) failed(thrown);
      works = false;
    }
  };
}

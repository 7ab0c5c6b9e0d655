/** One line of the audit log. It contains no data, no arguments and no environment. */
export interface AuditLine {
  /** The name of the key; `local` for a socket without keys. */
  readonly key: string;
  readonly request: string;
  readonly verb: string;
  /** The agent or supervisor; `null` when none of that name exists, when the request names none, or when it was refused before it was decoded. */
  readonly path: string | null;
  /**
   * The child of the supervisor at `path`: its id in the tree after the request was carried out, otherwise the name that the peer gave, cut at 128
   * characters. `null` when the request names none.
   */
  readonly child: string | null;
  /** `refused`: the peer lacks the role, or named something that it does not know. `failed`: the request was allowed and failed. */
  readonly outcome: 'done' | 'failed' | 'refused';
  /** The code of the error; `null` when it was done. */
  readonly code: string | null;
  /** The IP address of a refused connection. If not given, unknown, or the line is about a request. */
  readonly address?: string;
  /** The public key of a refused connection, in Z85. If not given, none was proved, or the line is about a request. */
  readonly publicKey?: string;
  /** The number of further connections refused for the same reason, which have no lines. If not given, none. */
  readonly repeated?: number;
}

export type Audit = (line: AuditLine) => void;

/**
 * The same audit without errors: a line that cannot be written must neither change the answer to a request that was carried out, nor stop the server.
 * `failed` is called for the first of consecutive lost lines.
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

/** One line of the audit log. It has no data, no arguments and no environment. */
export interface AuditLine {
  /** The name of the key; `local` for a socket without keys. */
  readonly key: string;
  readonly request: string;
  readonly verb: string;
  /** The agent or supervisor that it was about; `null` when there is none of that name, or when it was about none. */
  readonly path: string | null;
  /** `refused`: the peer may not do it, or named what does not exist for it. `failed`: it may, and it did not work. */
  readonly outcome: 'done' | 'failed' | 'refused';
  /** The code of the error; `null` when it was done. */
  readonly code: string | null;
}

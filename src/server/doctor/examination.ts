/** What is examined beside the machine itself. */
export interface Examination {
  /** The endpoint of a server, which may run or not. */
  readonly endpoint: string;
  /** Connects to that endpoint as a client does; resolves when a server has answered, and rejects as `connect`. */
  readonly greet: () => Promise<void>;
  /** A state directory, absolute. If not given, none is examined. */
  readonly state?: string;
}

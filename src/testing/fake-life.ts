/** A body of the fake driver that is not gone yet. */
export interface FakeLife {
  readonly path: string;
  readonly incarnation: number;
  /** `null` until it is spawned. */
  readonly pid: number | null;
  /** `left`: the main process has exited, members of its tree are still there. */
  readonly phase: 'starting' | 'running' | 'left';
  readonly frozen: boolean;
}

/** One call of the driver, in order. */
export interface FakeCall {
  readonly at: number;
  readonly path: string;
  readonly incarnation: number;
  readonly call: 'start' | 'ask' | 'kill' | 'signal' | 'write' | 'endInput' | 'freeze' | 'thaw' | 'drain';
  /** The signal, the text written, or empty. */
  readonly detail: string;
}

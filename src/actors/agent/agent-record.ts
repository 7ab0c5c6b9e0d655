import type { Output } from '../output/output.js';

/** The data that stays with a path over all its incarnations, also when its supervisor restarts. */
export interface AgentRecord {
  readonly uuid: string;
  readonly createdAt: number;
  /** The last started incarnation. */
  incarnation: number;
  starts: number;
  /** Its output, numbered over all incarnations; `null` before its first agent was made. */
  output: Output | null;
  /** Called after every change of its agent, and when the tree has ended; `null` without watchers. */
  watchers: Set<() => void> | null;
}

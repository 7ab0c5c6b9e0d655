import type { AgentHandle, OutputLine } from '../contract/view.js';
import type { StreamName } from '../model/spec.js';

export interface NextLine {
  /** `null` when there is no unread line. */
  readonly line: OutputLine | null;
  /** Lines that left the ring before they were read. */
  readonly dropped: number;
}

/**
 * The read positions of the agent protocol's reading commands, per agent and stream. Reading moves a cursor and never removes output, so other readers see
 * every line.
 */
export class Cursors {
  /** The next number of each stream, by uuid. */
  readonly #next = new Map<string, Partial<Record<StreamName, number>>>();

  /** The next unread line. */
  read(agent: AgentHandle, stream: StreamName): NextLine {
    const next = this.#next.get(agent.uuid) ?? {};
    const page = agent.output({ stream, from: next[stream] ?? 0, limit: 1 });
    const line = page.lines[0] ?? null;
    if (line !== null) this.#next.set(agent.uuid, { ...next, [stream]: line.seq + 1 });
    return { line, dropped: page.dropped };
  }

  forget(uuid: string): void {
    this.#next.delete(uuid);
  }
}

import type { AgentProcesses } from './agent-processes.js';

/** A measured supervisor: a process of its own with agents, which is asked as its users ask it. */
export interface Supervisor {
  /** The first of its processes; all below it that are not agents count as its memory. `null` while it does not run. */
  pid(): number | null;
  /** Asks for all agents; resolves when that is answered, in whatever state they are. */
  start(): Promise<unknown>;
  /** Asks these agents to end by SIGTERM and not to be started again; resolves when that is answered. */
  stop(agents: readonly number[]): Promise<unknown>;
}

/** Starts a supervisor that has no running agents yet. The guard of the run ends it. `directory` is its own. */
export type OpenSupervisor = (agents: AgentProcesses, directory: string) => Promise<Supervisor>;

export function numbers(agents: AgentProcesses): number[] {
  return Array.from({ length: agents.count }, (_, agent) => agent);
}

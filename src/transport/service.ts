import type { Tree } from '../actors/view.js';
import { Cursors } from './cursors.js';
import type { AgentConfig } from './protocol.js';

/** What an agent configuration of the agent protocol becomes. */
export interface SpawnPlan {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface ServiceOptions {
  readonly tree: Tree;
  readonly serverId: string;
  readonly version: string;
  /** The endpoints as they are, wildcard ports replaced. Read anew for every answer. */
  readonly endpoints: () => readonly string[];
  /** Where output is published; `null` for nowhere. */
  readonly pubEndpoint: string | null;
  readonly maxAgents: number;
  /** Turns a configuration into a command line. Throws BACKEND_UNKNOWN. */
  readonly plan: (config: AgentConfig) => SpawnPlan;
  /** The path of the supervisor that spawned agents are added to. If not given, the root. */
  readonly parent?: string;
  /** Told what went wrong after its caller had been answered. */
  readonly failed: (thrown: unknown) => void;
}

/** A tree as it is offered to the wire: what every request is answered from. */
export interface Service extends ServiceOptions {
  readonly startedAt: number;
  readonly cursors: Cursors;
  /** Ids that are being added: told apart from the tree's, which learns of them later. */
  readonly adding: Set<string>;
  close(): void;
}

/** Begins to offer a tree. `close` lets go of it. */
export function createService(options: ServiceOptions): Service {
  const cursors = new Cursors();
  const unsubscribe = options.tree.subscribe((report) => {
    // After `created` for a known uuid (a supervisor was restarted) its output begins anew.
    if (report.type === 'removed' || report.type === 'created') cursors.forget(report.uuid);
  });
  return { ...options, startedAt: performance.now(), cursors, adding: new Set(), close: unsubscribe };
}

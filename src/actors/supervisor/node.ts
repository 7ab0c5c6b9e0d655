import type { SupervisorView } from '../../contract/view.js';
import type { End, Engine, Verb } from '../../model/fact.js';
import type { NodeSpec, PoolSpec, SupervisorSpec } from '../../model/spec.js';
import type { SupervisorRest } from '../resume/entries.js';

/** A supervisor or pool as the rest of its tree sees it. */
export interface SupervisorNode {
  readonly path: string;
  readonly spec: SupervisorSpec | PoolSpec;
  readonly engine: Engine;
  /** How it has ended; `null` while it has not. */
  readonly rest: SupervisorRest | null;
  /** One command for one child; resolves when it is carried out. Rejects with the code of the answer. */
  command(verb: Verb, id: string): Promise<string>;
  /** Adds a child; resolves with its id when it is ready. The spec must be valid. */
  add(spec: NodeSpec): Promise<string>;
  childSpec(id: string): NodeSpec | undefined;
  view(): SupervisorView;
  /* The effects of its chart. */
  reportStatus(): void;
  cancelRetries(): void;
  notifyReady(): void;
  notifyEnd(end: End): void;
}

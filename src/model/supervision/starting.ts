/** The first starts of children that start in parallel, by id. */
export interface Starts {
  /** Children of the boot that only the concurrency limit holds back, oldest first. */
  readonly ready: Set<string>;
  /** By child: the siblings that it waits for. */
  readonly waiting: Map<string, Set<string>>;
  /** By sibling: the children that wait for it. */
  readonly dependents: Map<string, string[]>;
  /** Children of the boot that are starting. */
  readonly starting: Set<string>;
  /** Children of the boot that have had no attempt yet, and do not depend on a failed child. */
  readonly untried: Set<string>;
}

export function noStarts(): Starts {
  return { ready: new Set(), waiting: new Map(), dependents: new Map(), starting: new Set(), untried: new Set() };
}

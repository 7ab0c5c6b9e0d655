/** The first starts of children that do not wait for each other, by id. */
export interface Starts {
  /** Children of the boot whom nothing but the bound holds back, oldest first. */
  readonly ready: Set<string>;
  /** By child: the siblings that it waits for. */
  readonly waiting: Map<string, Set<string>>;
  /** By sibling: the children that wait for it. */
  readonly dependents: Map<string, string[]>;
  /** Children of the boot that are starting. */
  readonly starting: Set<string>;
  /** Children of the boot that it still waits for: they have had no try, and no failed start keeps them from one. */
  readonly untried: Set<string>;
}

export function noStarts(): Starts {
  return { ready: new Set(), waiting: new Map(), dependents: new Map(), starting: new Set(), untried: new Set() };
}

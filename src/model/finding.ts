/** What was found out about one thing that trees need of a machine. */
export interface Finding {
  /** A word: `keeper`. */
  readonly check: string;
  /** `weaker`: trees run with fewer promises, or with less room than usual. `broken`: something that is needed does not work. */
  readonly level: FindingLevel;
  /** What was found, as a sentence without a full stop. */
  readonly fact: string;
  /** What to do, as a sentence; `null` where nothing is to be done. */
  readonly remedy: string | null;
}

export type FindingLevel = 'fine' | 'weaker' | 'broken';

export function fine(check: string, fact: string): Finding {
  return { check, level: 'fine', fact, remedy: null };
}

export function weaker(check: string, fact: string, remedy: string): Finding {
  return { check, level: 'weaker', fact, remedy };
}

export function broken(check: string, fact: string, remedy: string): Finding {
  return { check, level: 'broken', fact, remedy };
}

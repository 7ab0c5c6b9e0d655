import { Census } from '../local/census.js';
import { childrenOf, isDefunct, type ProcStat, readStat } from '../proc/proc.js';
import type { Identity } from './membership.js';

/** The processes of incarnations whose keeper is not their subreaper, found in /proc by token, session and parent, as the driver `local` finds them. */
export class CensusMembers {
  readonly #census = new Census();
  /** By token. */
  readonly #known = new Map<string, { readonly pid: number; isReaped: boolean }>();
  readonly #looked: () => void;

  /** `looked` is called before each look: the keeper is to see what is seen here. */
  constructor(looked: () => void) {
    this.#looked = looked;
  }

  /** The living processes of an incarnation. */
  of({ token, main }: Identity): ProcStat[] {
    if (main === null) return [];
    this.#looked();
    this.#register(token, main);
    this.#census.scan();
    const found = this.#census.membersOf(token);
    const alive: ProcStat[] = [];
    for (let at = 0; at < found.length; at += 1) {
      const stat = readStat(found[at]!);
      if (stat === undefined || isDefunct(stat)) continue;
      if (stat.startTicks !== this.#census.record(stat.pid)?.startTicks) continue;
      alive.push(stat);
      for (const child of childrenOf(stat.pid)) if (this.#census.take(child, token)) found.push(child);
    }
    return alive;
  }

  /** The incarnation has ended. */
  forget({ token }: Identity): void {
    const known = this.#known.get(token);
    if (this.#known.delete(token)) this.#census.unregister(token, known!.pid);
  }

  /** What was seen before the incarnation was known counts as foreign, so it is read again. The number of a session may be used again after its leader. */
  #register(token: string, { pid, startTicks }: NonNullable<Identity['main']>): void {
    let known = this.#known.get(token);
    if (known === undefined) {
      known = { pid, isReaped: false };
      this.#known.set(token, known);
      this.#census.register(token, pid, startTicks);
      this.#census.distrust();
    }
    if (known.isReaped || readStat(pid)?.startTicks === startTicks) return;
    known.isReaped = true;
    this.#census.reaped(pid);
  }
}

import { isHookPath } from '../../model/hook.js';
import type { Inherited } from './inherited.js';
import { type Identity, identityOf } from './membership.js';
import type { KeeperSession } from './session.js';

/** An agent of an earlier program, and the keeper that has it. */
export interface KeptBelow {
  readonly inherited: Inherited;
  readonly session: KeeperSession;
}

/** The agents that earlier programs have left with their keepers, by path, until they are adopted. */
export class KeptAgents {
  readonly #byPath = new Map<string, KeptBelow>();
  readonly #report: (problem: string) => void;

  constructor(report: (problem: string) => void) {
    this.#report = report;
  }

  /**
   * Takes those of a keeper. Of several incarnations of an agent, which may be below different keepers, the last is kept: the end of the others was known to
   * the program that started it. No hook is adopted: resolves when what is left of those is killed, before anything of its agent can start.
   */
  async take(session: KeeperSession): Promise<void> {
    const hooks: Inherited[] = [];
    for (const inherited of session.inherited) {
      if (isHookPath(inherited.agent.path)) hooks.push(inherited);
      else this.#keep({ inherited, session });
    }
    await Promise.all(hooks.map((hook) => this.#endHook(session, hook)));
  }

  get size(): number {
    return this.#byPath.size;
  }

  get(path: string): KeptBelow | undefined {
    return this.#byPath.get(path);
  }

  /** It is adopted. */
  delete(path: string): void {
    this.#byPath.delete(path);
  }

  /** Ends all by their stop stages, and reports those that run. */
  discard(): void {
    for (const [path, { inherited, session }] of this.#byPath) {
      session.discard(inherited);
      if (!inherited.hasEnded)
        this.#report(
          `process ${inherited.agent.pid} of an earlier server is ended: the tree has no agent ${path} any more`,
        );
    }
    this.#byPath.clear();
  }

  /** The keeper has ended. What it had is forgotten, and returned. */
  lose(lost: KeeperSession): Identity[] {
    const identities: Identity[] = [];
    for (const [path, { inherited, session }] of this.#byPath) {
      if (session !== lost) continue;
      identities.push(identityOf(inherited.agent));
      this.#byPath.delete(path);
    }
    return identities;
  }

  #keep(next: KeptBelow): void {
    const { path } = next.inherited.agent;
    const known = this.#byPath.get(path);
    const [last, other] =
      known && known.inherited.incarnation > next.inherited.incarnation ? [known, next] : [next, known];
    this.#byPath.set(path, last);
    other?.session.discard(other.inherited);
  }

  async #endHook(session: KeeperSession, hook: Inherited): Promise<void> {
    const { path, pid } = hook.agent;
    if (!(await session.kill(hook, HOOK_PATIENCE)))
      this.#report(`hook ${path} of an earlier server, process ${pid}, cannot be killed`);
    session.discard(hook);
  }
}

/** How long a hook of an earlier program may take to end after SIGKILL, in ms. */
const HOOK_PATIENCE = 10_000;

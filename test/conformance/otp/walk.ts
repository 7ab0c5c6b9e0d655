import fc from '../../fast-check.js';
import { Player } from './script.js';

/*
 * Random histories in which the engine is to do exactly what OTP does. Each begins as a random supervisor, and each next step is one of those
 * that are possible then. Left out are the steps after which the two differ on purpose; each such line names its row in docs/otp.md.
 */

const IDS = ['a', 'b', 'c', 'd', 'e'];
const RESTARTS = ['permanent', 'transient', 'temporary'] as const;
const STRATEGIES = ['one_for_one', 'one_for_all', 'rest_for_one'] as const;
const ADDITIONS = [...RESTARTS, 'transient!', 'temporary!'];
const ENDS = ['normal', 'shutdown', 'abnormal'] as const;

/** What is permanent is never significant, and nothing is where `autoShutdown` is never (C5). */
const restartType = fc.constantFrom(...ADDITIONS);

const AUTO_SHUTDOWNS = ['never', 'never', 'any_significant', 'all_significant'];

const histories = fc.record({
  strategy: fc.constantFrom(...STRATEGIES),
  intensity: fc.nat(4),
  autoShutdown: fc.constantFrom(...AUTO_SHUTDOWNS),
  restarts: fc.array(restartType, { maxLength: 4 }),
  choices: fc.array(fc.nat(), { minLength: 5, maxLength: 40, size: 'max' }),
});

type Random = typeof histories extends fc.Arbitrary<infer T> ? T : never;

/** So many histories; the same ones for the same seed. */
export function walks(count: number, seed: number): string[][] {
  return fc.sample(histories, { numRuns: count, seed }).map(walk);
}

function walk({ strategy, intensity, autoShutdown, restarts, choices }: Random): string[] {
  const allowed = autoShutdown === 'never' ? restarts.map((restart) => restart.replace('!', '')) : restarts;
  const children = allowed.map((restart, index) => `${IDS[index]}:${restart}`);
  const walker = new Walker(['history', strategy, intensity, autoShutdown, ...children].join(' '));
  for (const choice of choices) if (!walker.next(choice)) break;
  return walker.lines;
}

class Walker {
  readonly lines: string[];
  readonly #player: Player;
  readonly #isAlone: boolean;
  readonly #additions: readonly string[];
  /** Steps since it was idle that wait until the operation under way is over. */
  #waiting = 0;
  /** A call has stopped a child, which is not gone yet. */
  #isTerminating = false;
  /** Children that a call has stopped and that were not started since. */
  readonly #stopped = new Set<string>();
  readonly #restartOf = new Map<string, string>();

  constructor(line: string) {
    this.lines = [line];
    this.#player = new Player(line);
    const [, strategy, , autoShutdown, ...children] = line.split(' ');
    this.#additions = autoShutdown === 'never' ? ADDITIONS.filter((restart) => !restart.endsWith('!')) : ADDITIONS;
    this.#isAlone = strategy === 'one_for_one';
    for (const child of children) this.#note(child);
  }

  /** Takes one of the possible steps; false when it has ended. */
  next(choice: number): boolean {
    if (this.#player.world.end() !== null) return false;
    const steps = this.#possible();
    const line = steps[choice % steps.length];
    if (line === undefined) return false;
    this.#before(line);
    this.lines.push(line);
    this.#player.perform(line);
    this.#after();
    return true;
  }

  #before(line: string): void {
    const [verb, child = ''] = line.split(' ');
    if (verb === 'add') this.#note(child);
    if (verb === 'terminate') this.#stopped.add(child);
    if (verb === 'delete') this.#stopped.delete(child);
    if (this.#isIdle) this.#isTerminating = verb === 'terminate';
    if (this.#isIdle) return;
    if (verb === 'exit' || verb === 'add' || verb === 'restart') this.#waiting++;
  }

  #after(): void {
    for (const step of this.#player.world.takeLog().split(' ')) {
      if (step.startsWith('+')) this.#stopped.delete(step.slice(1));
    }
    if (!this.#isIdle) return;
    this.#waiting = 0;
    this.#isTerminating = false;
  }

  #note(child: string): void {
    const [id = '', restart = ''] = child.replace('!', '').split(':');
    if (!this.#known().includes(id) || !this.#restartOf.has(id)) this.#restartOf.set(id, restart);
  }

  get #isIdle(): boolean {
    return this.#player.state === 'idle';
  }

  #possible(): string[] {
    const moving = this.#moves();
    // S1, A2: in OTP all that comes while a child is stopped by a call waits until it is gone.
    if (this.#isTerminating) return moving;
    const ends = this.#possibleEnds();
    const calls = this.#isIdle ? this.#callsAtRest() : this.#callsInMotion();
    // Most steps go on with what is under way.
    return [...moving, ...moving, ...ends, ...ends, ...calls];
  }

  #moves(): string[] {
    const ready = this.#player.moving('start').flatMap((id) => Array<string>(8).fill(`ready ${id}`));
    const failed = this.#mayFail ? this.#player.moving('start').map((id) => `fail ${id}`) : [];
    const stops = this.#player.moving('stop').flatMap((id) => ENDS.map((reason) => `gone ${id} ${reason}`));
    return [...ready, ...failed, ...stops, ...stops, ...stops];
  }

  /** R8: what had restarted is stopped when a failure is known, and not when what came meanwhile was read. */
  get #mayFail(): boolean {
    return this.#player.world.engine.status === 'booting' || this.#waiting === 0;
  }

  #possibleEnds(): string[] {
    // T1: once it has booted, children of one_for_one do not wait for each other.
    const isBooting = this.#player.world.engine.status === 'booting';
    if (this.#isAlone && !this.#isIdle && !(isBooting && this.#waiting === 0)) return [];
    const stopping = new Set(this.#player.moving('stop'));
    const up = [...this.#player.world.lives].filter(([id, life]) => life.ready && !stopping.has(id));
    return up.flatMap(([id]) =>
      ENDS.filter((reason) => this.#mayEnd(id, reason)).map((reason) => `exit ${id} ${reason}`),
    );
  }

  /** T2, T3: a child that a call has stopped stays down when its siblings are restarted. */
  #mayEnd(id: string, reason: string): boolean {
    if (this.#isAlone || this.#stopped.size === 0) return true;
    const restart = this.#restartOf.get(id);
    return restart === 'temporary' || (restart === 'transient' && reason !== 'abnormal');
  }

  #callsAtRest(): string[] {
    const calls = IDS.flatMap((id) => [`terminate ${id}`, `restart ${id}`, `delete ${id}`]);
    return [...calls, ...this.#add(IDS), ...this.#known().map((id) => `restart ${id}`), 'halt'];
  }

  /** S1, A1 to A3, P1: stops wait for nothing, and what is known is answered at once. */
  #callsInMotion(): string[] {
    if (this.#isAlone && this.#waiting > 0) return [];
    if (this.#isAlone && this.#player.world.engine.status !== 'booting') return [];
    const asked = new Set(this.lines.filter((line) => line.startsWith('add ')).map((line) => line.slice(4, 5)));
    const fresh = IDS.filter((id) => !asked.has(id) && !this.#known().includes(id));
    return this.#add(fresh);
  }

  #add(ids: readonly string[]): string[] {
    return ids.flatMap((id) => this.#additions.map((restart) => `add ${id}:${restart}`));
  }

  #known(): string[] {
    return this.#player.world.engine.which().map(({ id }) => id);
  }
}

import fc from '../../fast-check.js';
import { TreePlayer } from './tree-script.js';

/*
 * Random histories of a supervisor with a supervisor and a pool below it, in which the tree is to do what OTP does. While something is under
 * way, at most one end comes: a supervisor below that is being restarted would be told at once that its own is to stop (P1 in docs/otp.md).
 */

const RESTARTS = ['permanent', 'transient', 'temporary'];
const STRATEGIES = ['one_for_one', 'one_for_all', 'rest_for_one'];
const ENDS = ['normal', 'abnormal'];

const restart = fc.constantFrom(...RESTARTS);
const strategy = fc.constantFrom(...STRATEGIES);
const autoShutdown = fc.constantFrom('never', 'any_significant', 'all_significant');
const intensity = fc.nat(3);

const histories = fc.record({
  outer: fc.record({ strategy, intensity, autoShutdown }),
  inner: fc.record({ strategy, intensity, autoShutdown, restart }),
  pool: fc.record({ intensity, restart, instances: restart }),
  restarts: fc.tuple(restart, restart, restart, restart),
  order: fc.shuffledSubarray(['a', 'i', 'p'], { minLength: 2 }),
  choices: fc.array(fc.nat(), { minLength: 10, maxLength: 50, size: 'max' }),
});

type Random = typeof histories extends fc.Arbitrary<infer T> ? T : never;

/** So many histories; the same ones for the same seed. */
export async function treeWalks(count: number, seed: number): Promise<string[][]> {
  const walks: string[][] = [];
  for (const random of fc.sample(histories, { numRuns: count, seed })) walks.push(await walk(random));
  return walks;
}

async function walk(random: Random): Promise<string[]> {
  const walker = new Walker(firstLine(random), random);
  await walker.begin();
  for (const choice of random.choices) if (!(await walker.next(choice))) break;
  return walker.lines;
}

function firstLine({ outer, inner, pool, restarts, order }: Random): string {
  const [a, x, y, z] = restarts.map((type, index) => marked(type, index < 1 ? outer.autoShutdown : inner.autoShutdown));
  const below = [`x:${x}`, `y:${y}`, `z:${z}`].join(',');
  const texts: Record<string, string> = {
    a: `a:${a}`,
    i: `i:${marked(inner.restart, outer.autoShutdown)}=${inner.strategy}/${inner.intensity}/${inner.autoShutdown}/${below}`,
    p: `p:${pool.restart}=pool/${pool.intensity}/${pool.instances}`,
  };
  const children = order.map((id) => texts[id]);
  return ['history', outer.strategy, outer.intensity, outer.autoShutdown, ...children].join(' ');
}

/** What may be significant is (C5). */
function marked(type: string, mode: string): string {
  return mode === 'never' || type === 'permanent' ? type : `${type}!`;
}

class Walker {
  readonly lines: string[];
  readonly #player: TreePlayer;
  readonly #strategies: Readonly<Record<string, string>>;
  /** Ends and calls since it was idle. */
  #waiting = 0;
  #instances = 0;

  constructor(line: string, { outer, inner }: Random) {
    this.lines = [line];
    this.#player = new TreePlayer(line);
    this.#strategies = { '': outer.strategy, i: inner.strategy };
  }

  async begin(): Promise<void> {
    await this.#player.begin();
    this.#player.see();
  }

  /** Takes one of the possible steps; false when it has ended. */
  async next(choice: number): Promise<boolean> {
    const steps = this.#possible();
    const line = steps[choice % steps.length];
    if (line === undefined) return false;
    if (!this.#isIdle && line.startsWith('exit ')) this.#waiting++;
    if (/^add p\/\d+$/.test(line)) this.#instances++;
    this.lines.push(line);
    await this.#player.perform(line);
    this.#player.see();
    if (this.#isIdle) this.#waiting = 0;
    return true;
  }

  get #isIdle(): boolean {
    return this.#player.state === 'idle';
  }

  #possible(): string[] {
    const { state } = this.#player;
    if (state !== 'idle' && state !== 'busy') return [];
    const moves = this.#moves();
    const mayEnd = this.#isIdle || (this.#waiting === 0 && this.#player.tree.status === 'booting');
    const ends = mayEnd ? this.#player.agents('up').flatMap((id) => ENDS.map((reason) => `exit ${id} ${reason}`)) : [];
    const calls = this.#isIdle ? this.#calls() : [];
    return [...moves, ...moves, ...moves, ...ends, ...ends, ...calls];
  }

  #moves(): string[] {
    const starting = this.#player.agents('starting');
    const ready = starting.flatMap((id) => Array<string>(6).fill(`ready ${id}`));
    const failed = this.#waiting === 0 ? starting.map((id) => `fail ${id}`) : [];
    const gone = this.#player.agents('stopping').flatMap((id) => ENDS.map((reason) => `gone ${id} ${reason}`));
    return [...ready, ...failed, ...gone, ...gone];
  }

  #calls(): string[] {
    return [
      ...this.#player.supervisors().flatMap(([path]) => (path === 'p' ? this.#poolCalls() : this.#callsOf(path))),
      'halt',
    ];
  }

  #poolCalls(): string[] {
    const up = this.#player.agents('up').filter((id) => id.startsWith('p/'));
    return [...Array<string>(3).fill(`add p/${this.#instances + 1}`), ...up.map((id) => `terminate ${id}`)];
  }

  #callsOf(path: string): string[] {
    const prefix = path === '' ? '' : `${path}/`;
    const ids = path === '' ? ['a', 'i', 'p', 'n'] : ['x', 'y', 'n'];
    // T2, T3: a child that a call has stopped stays down when its siblings are restarted.
    const verbs = this.#strategies[path] === 'one_for_one' ? ['terminate', 'restart', 'delete'] : ['restart', 'delete'];
    const calls = ids.flatMap((id) => verbs.map((verb) => `${verb} ${prefix}${id}`));
    return [...calls, ...RESTARTS.map((type) => `add ${prefix}n:${type}`)];
  }
}

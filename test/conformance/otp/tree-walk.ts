import fc from '../../fast-check.js';
import { calledIn, endedSupervisors, isDeviation, type Pending } from './deviations.js';
import {
  isBelow,
  isBusy,
  isIndependent,
  isStopping,
  nameOf,
  type Place,
  type Places,
  parentOf,
  type Step,
} from './place.js';
import { TreePlayer } from './tree-script.js';

/*
 * Random histories of a supervisor with a supervisor and a pool as children, to which further supervisors are added. Ends and calls come at any moment in
 * each supervisor. A step that makes a deliberate difference (deviations.ts) is undone, and another one is tried.
 */

const RESTARTS = ['permanent', 'transient', 'temporary'];
const STRATEGIES = ['one_for_one', 'one_for_all', 'rest_for_one'];
const ENDS = ['normal', 'abnormal'];

/** The supervisors that a call adds, without their id. */
const ADDED = [
  'transient=one_for_all/1/any_significant/u:transient!,v:permanent',
  'permanent=rest_for_one/1/never/u:transient,v:temporary',
];

/** The number of steps that are tried in one place before the history ends there. */
const TRIES = 4;

const restart = fc.constantFrom(...RESTARTS);
const strategy = fc.constantFrom(...STRATEGIES);
const autoShutdown = fc.constantFrom('never', 'any_significant', 'all_significant');
const intensity = fc.nat(4);

const histories = fc.record({
  outer: fc.record({ strategy, intensity, autoShutdown }),
  inner: fc.record({ strategy, intensity, autoShutdown, restart }),
  pool: fc.record({ intensity, restart, instances: restart }),
  restarts: fc.tuple(restart, restart, restart, restart),
  order: fc.shuffledSubarray(['a', 'i', 'p'], { minLength: 2 }),
  choices: fc.array(fc.nat(), { minLength: 20, maxLength: 60, size: 'max' }),
});

type Random = typeof histories extends fc.Arbitrary<infer T> ? T : never;

/** So many histories; the same ones for the same seed. */
export async function treeWalks(count: number, seed: number): Promise<string[][]> {
  const walks: string[][] = [];
  for (const random of fc.sample(histories, { numRuns: count, seed })) walks.push(await walk(random));
  return walks;
}

async function walk(random: Random): Promise<string[]> {
  const walker = await Walker.at(firstLine(random));
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

/** Generates one history, step by step, with a tree that performs each step. */
class Walker {
  readonly lines: string[];
  #player: TreePlayer;
  #places: Places = new Map();
  #ready: ReadonlySet<string> = new Set();
  readonly #messages = new Map<string, number>();
  readonly #terminating = new Set<string>();
  readonly #terminated = new Set<string>();
  #instances = 0;

  private constructor(lines: string[], player: TreePlayer) {
    this.lines = lines;
    this.#player = player;
  }

  static async at(line: string): Promise<Walker> {
    const walker = new Walker([line], await played([line]));
    walker.#update();
    return walker;
  }

  /** Takes one of the possible steps; false when there is none. */
  async next(choice: number): Promise<boolean> {
    const steps = this.#possible();
    for (let tries = 0; tries < TRIES && steps.length > 0; tries++) {
      const line = steps[(choice + tries * 7) % steps.length] as string;
      const step = await this.#take(line);
      if (!isDeviation(step, this.#pending)) {
        this.#append(step);
        return true;
      }
      this.#player = await played(this.lines);
      steps.splice(0, steps.length, ...steps.filter((other) => other !== line));
    }
    return false;
  }

  get #pending(): Pending {
    const [messages, terminating] = [this.#messages, this.#terminating];
    return { messages, terminating, terminated: this.#terminated, ready: this.#ready };
  }

  async #take(line: string): Promise<Step> {
    await this.#player.perform(line);
    const [seen = ''] = this.#player.see().split(';');
    return { line, before: this.#places, after: this.#player.places(), log: seen.split(' ').slice(1) };
  }

  #append(step: Step): void {
    const { line } = step;
    const [verb = '', path = ''] = line.split(' ');
    this.lines.push(line);
    const called = calledIn(line);
    const receiver = parentOf(called ?? path);
    for (const ended of endedSupervisors(step)) this.#countMessage(parentOf(ended));
    if (verb === 'exit' || verb === 'add') this.#countMessage(receiver);
    if (verb === 'terminate') {
      this.#terminating.add(receiver);
      this.#terminated.add(path);
    }
    if (verb === 'add' && /^\d+$/.test(nameOf(path))) this.#instances++;
    this.#update();
  }

  #countMessage(path: string): void {
    this.#messages.set(path, (this.#messages.get(path) ?? 0) + 1);
  }

  #update(): void {
    this.#places = this.#player.places();
    this.#ready = new Set([...this.#player.agents('up'), ...this.#player.agents('stopping')]);
    for (const path of [...this.#messages.keys(), ...this.#terminating]) {
      const place = this.#places.get(path);
      if (place !== undefined && isBusy(place)) continue;
      this.#messages.delete(path);
      this.#terminating.delete(path);
    }
    for (const path of this.#terminated) {
      const parent = this.#places.get(parentOf(path));
      if (parent?.status !== 'running' || parent.rows.get(nameOf(path))?.phase === 'up') this.#terminated.delete(path);
    }
  }

  #possible(): string[] {
    const { state } = this.#player;
    if (state !== 'idle' && state !== 'busy') return [];
    const moves = this.#moves();
    const ends = this.#player
      .agents('up')
      .filter((path) => this.#mayEnd(path))
      .flatMap((path) => ENDS.map((reason) => `exit ${path} ${reason}`));
    const calls = [...this.#places.values()].flatMap((place) => this.#calls(place));
    return [...moves, ...moves, ...moves, ...ends, ...ends, ...ends, ...calls];
  }

  #moves(): string[] {
    const starting = this.#player.agents('starting');
    const ready = starting.flatMap((path) => Array<string>(8).fill(`ready ${path}`));
    const failed = starting.filter((path) => this.#mayFail(path)).map((path) => `fail ${path}`);
    const gone = this.#player.agents('stopping').flatMap((path) => ENDS.map((reason) => `gone ${path} ${reason}`));
    return [...ready, ...failed, ...gone, ...gone];
  }

  /** R8: siblings that had restarted are stopped when the failure is known; in OTP after the messages that came meanwhile. */
  #mayFail(path: string): boolean {
    const parent = parentOf(path);
    const place = this.#places.get(parent) as Place;
    if (place.status !== 'booting') return !this.#messages.has(parent);
    return parent === '' || this.#mayFail(parent);
  }

  /** T1; S1, A2: in OTP an end waits while the supervisor is busy. P1: a supervisor below one that stops starts nothing. */
  #mayEnd(path: string): boolean {
    const place = this.#places.get(parentOf(path)) as Place;
    if (isStopping(place)) return true;
    if (this.#isQuiesced(place) || this.#terminating.has(place.path)) return false;
    return !isBusy(place) || !isIndependent(place) ? this.#mayWait(place) : false;
  }

  /** T1: after its boot a supervisor under one_for_one handles all messages at once; in OTP each when the restart before it is over. */
  #mayWait(place: Place): boolean {
    return place.status !== 'booting' || place.strategy !== 'one_for_one' || !this.#messages.has(place.path);
  }

  #isQuiesced({ path }: Place): boolean {
    return [...this.#places.values()].some((ancestor) => isBelow(path, ancestor.path) && isStopping(ancestor));
  }

  #calls(place: Place): string[] {
    if (this.#isQuiesced(place) || place.status === 'idle' || isOver(place)) return [];
    if (place.status === 'stopping') return place.strategy === 'pool' ? [] : [`restart ${pathOf(place, 'n')}`];
    if (isBusy(place)) return this.#callsInMotion(place);
    const halt = place.path === '' ? ['halt'] : [];
    return [...halt, ...(place.strategy === 'pool' ? this.#poolCalls(place) : this.#callsAtRest(place))];
  }

  #poolCalls({ path }: Place): string[] {
    const up = this.#player.agents('up').filter((agent) => parentOf(agent) === path);
    return [...Array<string>(3).fill(`add ${path}/${this.#instances + 1}`), ...up.map((agent) => `terminate ${agent}`)];
  }

  #callsAtRest(place: Place): string[] {
    const names = [...place.rows.keys(), 'n'];
    const calls = ['terminate', 'restart', 'delete'].flatMap((verb) =>
      names.map((name) => `${verb} ${pathOf(place, name)}`),
    );
    return [...calls, ...this.#additions(place)];
  }

  /** S1, A1 to A3: in motion a stop waits for no start, and a call about a known child is answered at once. */
  #callsInMotion(place: Place): string[] {
    if (isIndependent(place) || this.#terminating.has(place.path) || !this.#mayWait(place)) return [];
    const isKnown = place.rows.has('n') || this.#messages.has(place.path);
    return isKnown ? [] : this.#additions(place);
  }

  #additions(place: Place): string[] {
    const name = pathOf(place, 'n');
    const agents = RESTARTS.map((type) => `add ${name}:${type}`);
    return name.split('/').length > 2 ? agents : [...agents, ...ADDED.map((text) => `add ${name}:${text}`)];
  }
}

async function played(lines: readonly string[]): Promise<TreePlayer> {
  const [first = '', ...steps] = lines;
  const player = new TreePlayer(first);
  await player.begin();
  for (const line of steps) await player.perform(line);
  player.see();
  return player;
}

function pathOf({ path }: Place, name: string): string {
  return path === '' ? name : `${path}/${name}`;
}

function isOver({ status }: Place): boolean {
  return status === 'stopped' || status === 'failed';
}

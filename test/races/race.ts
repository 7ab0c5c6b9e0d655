import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Ports } from '../../src/actors/ports/ports.js';
import { createTree } from '../../src/actors/tree.js';
import type { Tree } from '../../src/contract/view.js';
import { SupertreeError } from '../../src/errors.js';
import type { SupervisorInput } from '../../src/model/input.js';
import { createFakeDriver, createFakePorts, type FakeBehaviour, type FakeDriver } from '../../src/testing/index.js';
import type fc from '../fast-check.js';
import { type Happening, happen, PATHS, SAMPLE_PERIOD } from './happenings.js';
import { createRaceClock } from './race-clock.js';
import { unrest } from './rest.js';
import { Witness } from './witness.js';

/** What a race is about. */
export interface Setting {
  readonly input: SupervisorInput;
  readonly lives: readonly FakeBehaviour[];
  readonly refusals: number;
  readonly events: readonly Happening[];
  /** Comes between the tree and its ports. If not given, nothing does. */
  readonly between?: (ports: Ports) => Ports;
}

/** Runs a whole tree, its start, its behaviour and its happenings as tasks of the scheduler, and ends it. Resolves with everything that was wrong. */
export async function race(
  scheduler: fc.Scheduler,
  { input, lives, refusals, events, between = (ports) => ports }: Setting,
): Promise<string[]> {
  const clock = createRaceClock(scheduler);
  const witness = new Witness(input);
  const asked = new Questions();
  let starts = 0;
  const driver = createFakeDriver(clock, () => lives[starts++] ?? {});
  // Not of every path: a pool that cools down has new instances each time, and would never come to rest.
  const refused = Object.fromEntries(PATHS.map((path) => [path, { failsLease: refusals }]));
  const leases = createFakePorts(clock, refused, { quarantine: 5 });
  const told = { leases: between(leases), inspect: witness.inspect };
  const tree = createTree(input, {
    clock,
    driver,
    bodies: driver,
    random: () => 0,
    samplePeriod: SAMPLE_PERIOD,
    ...told,
  });
  witness.tree = tree;
  tree.subscribe(witness.hear);
  clock.later('start', () => asked.ask('start', async () => tree.start()));
  for (const event of events) {
    clock.later(JSON.stringify(event), () => happen(tree, driver, clock, event, asked.ask));
  }

  await quiet(scheduler);
  const problems = [...unrest(tree, driver, leases), ...asked.open()];
  await letGo(scheduler, tree, driver);
  problems.push(...unrest(tree, driver, leases), ...asked.open());
  clock.later('end', () => asked.ask('end', () => tree.stop()));
  await quiet(scheduler);
  await letGo(scheduler, tree, driver);
  problems.push(
    ...unrest(tree, driver, leases),
    ...asked.open(),
    ...asked.wrong,
    ...witness.violations,
    ...witness.debts(),
  );
  problems.push(...driver.violations.filter((what) => !isNewcomer(what, witness)), ...clock.thrown.map(String));
  problems.push(...driver.lives().map(({ path, incarnation }) => `${path}#${incarnation} was not reaped`));
  problems.push(...leases.asked().map(({ path }) => `a lease of ${path} has no answer`));
  if (clock.pending() > 0) problems.push(`${clock.pending()} timers are left`);
  return problems;
}

/** Also what goes on in promises alone. */
async function quiet(scheduler: fc.Scheduler): Promise<void> {
  do {
    await scheduler.waitIdle();
    await nextTurn();
  } while (scheduler.count() > 0);
}

/** What SIGKILL could not end is let go. */
async function letGo(scheduler: fc.Scheduler, tree: Tree, driver: FakeDriver): Promise<void> {
  for (const { path } of tree.agents().filter(({ state }) => state === 'zombie')) driver.release(path);
  await quiet(scheduler);
}

/** An agent that was removed and added again counts its incarnations anew. */
function isNewcomer(violation: string, witness: Witness): boolean {
  const [, path = ''] = /^(\S+) incarnation \d+ follows incarnation/.exec(violation) ?? [];
  return witness.removed.has(path);
}

/** Everybody who waits for an answer. */
class Questions {
  readonly wrong: string[] = [];
  readonly #open = new Set<string>();
  #count = 0;

  readonly ask = (what: string, answer: () => Promise<unknown>): void => {
    const name = `${++this.#count} ${what}`;
    this.#open.add(name);
    answer().then(
      () => this.#open.delete(name),
      (thrown: unknown) => {
        this.#open.delete(name);
        const known = thrown instanceof SupertreeError && thrown.code !== 'INTERNAL';
        if (!known) this.wrong.push(`${name} was answered with ${thrown instanceof Error ? thrown.stack : thrown}`);
      },
    );
  };

  open(): string[] {
    return [...this.#open].map((name) => `${name} has no answer`);
  }
}

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Ports } from '../../src/actors/ports/ports.js';
import { createTree } from '../../src/actors/tree.js';
import type { Tree } from '../../src/contract/view.js';
import { SupertreeError } from '../../src/errors.js';
import { isHookPath } from '../../src/model/hook.js';
import type { SupervisorInput } from '../../src/model/input.js';
import { createFakeDriver, createFakePorts, type FakeBehaviour, type FakeDriver } from '../../src/testing/index.js';
import type fc from '../fast-check.js';
import { agentOf, inconsistencies } from './consistency.js';
import { applyEvent, PATHS, type RaceEvent, SAMPLE_PERIOD } from './events.js';
import { createRaceClock } from './race-clock.js';
import { ReportChecker } from './report-checker.js';

/** The generated input of a race. */
export interface RaceInput {
  readonly input: SupervisorInput;
  readonly behaviours: readonly FakeBehaviour[];
  readonly refusals: number;
  /** The events of the first wave come during the boot, those of each further one once the tree is at rest. */
  readonly waves: readonly (readonly RaceEvent[])[];
  /** Wraps the ports of the tree. If not given, they are used directly. */
  readonly wrapPorts?: (ports: Ports) => Ports;
}

/** Runs a whole tree: its start, the behaviour of its processes and the events are tasks of the scheduler. Stops it, and resolves with all violations. */
export async function race(
  scheduler: fc.Scheduler,
  { input, behaviours, refusals, waves, wrapPorts = (ports) => ports }: RaceInput,
): Promise<string[]> {
  const clock = createRaceClock(scheduler);
  const observer = new ReportChecker(input);
  const calls = new PendingCalls();
  let starts = 0;
  const together: string[] = [];
  // A hook that ran for ever would fail each start, and an agent of a supervisor that cools down would never come to rest.
  const driver: FakeDriver = createFakeDriver(clock, ({ path }) => {
    const others = driver.lives().filter((life) => life.path !== path && agentOf(life.path) === agentOf(path));
    together.push(...others.map((life) => `${path} was started while ${life.path} lives`));
    return behaviours[starts++] ?? (isHookPath(path) ? SUCCESS : {});
  });
  // Not of every path: a pool that cools down has new instances each time, and would never come to rest.
  const refused = Object.fromEntries(PATHS.map((path) => [path, { failsLease: refusals }]));
  const leases = createFakePorts(clock, refused, { quarantine: 5 });
  const portsAndInspect = { leases: wrapPorts(leases), inspect: observer.inspect };
  const tree = createTree(input, {
    clock,
    driver,
    bodies: driver,
    random: () => 0,
    samplePeriod: SAMPLE_PERIOD,
    ...portsAndInspect,
  });
  observer.tree = tree;
  tree.subscribe(observer.onReport);
  clock.later('start', () => calls.track('start', async () => tree.start()));
  const problems: string[] = [];
  for (const events of waves) {
    for (const event of events) {
      clock.later(JSON.stringify(event), () => applyEvent(tree, driver, clock, event, calls.track));
    }
    await untilIdle(scheduler);
    problems.push(...inconsistencies(tree, driver, leases), ...calls.open(), ...observer.unendedByLimit());
  }
  await releaseZombies(scheduler, tree, driver);
  problems.push(...inconsistencies(tree, driver, leases), ...calls.open());
  clock.later('end', () => calls.track('end', () => tree.stop()));
  await untilIdle(scheduler);
  await releaseZombies(scheduler, tree, driver);
  problems.push(
    ...inconsistencies(tree, driver, leases),
    ...calls.open(),
    ...calls.failures,
    ...observer.violations,
    ...observer.missingFailures(),
  );
  problems.push(
    ...together,
    ...driver.violations.filter((what) => !isNewAgent(what, observer)),
    ...clock.thrown.map(String),
  );
  problems.push(...driver.lives().map(({ path, incarnation }) => `${path}#${incarnation} was not reaped`));
  problems.push(...leases.asked().map(({ path }) => `a lease of ${path} has no answer`));
  if (clock.pending() > 0) problems.push(`${clock.pending()} timers are left`);
  return problems;
}

const SUCCESS: FakeBehaviour = { exitsAfter: 2, code: 0 };

/** Resolves when no task is left, and no promise schedules one. */
async function untilIdle(scheduler: fc.Scheduler): Promise<void> {
  do {
    await scheduler.waitIdle();
    await nextTurn();
  } while (scheduler.count() > 0);
}

/** Ends the processes that SIGKILL could not end. */
async function releaseZombies(scheduler: fc.Scheduler, tree: Tree, driver: FakeDriver): Promise<void> {
  for (const { path } of tree.agents().filter(({ state }) => state === 'zombie'))
    for (const body of [path, `${path}#beforeStart`, `${path}#afterEnd`]) driver.release(body);
  await untilIdle(scheduler);
}

/** An agent that was removed and added again counts its incarnations anew. */
function isNewAgent(violation: string, observer: ReportChecker): boolean {
  const [, path = ''] = /^([^\s#]+)(?:#\w+)? incarnation \d+ follows incarnation/.exec(violation) ?? [];
  return observer.removed.has(path);
}

/** Calls without an answer yet, and calls that failed with an unexpected error. */
class PendingCalls {
  readonly failures: string[] = [];
  readonly #open = new Set<string>();
  #count = 0;

  readonly track = (what: string, answer: () => Promise<unknown>): void => {
    const name = `${++this.#count} ${what}`;
    this.#open.add(name);
    answer().then(
      () => this.#open.delete(name),
      (thrown: unknown) => {
        this.#open.delete(name);
        const known = thrown instanceof SupertreeError && thrown.code !== 'INTERNAL';
        if (!known) this.failures.push(`${name} was answered with ${thrown instanceof Error ? thrown.stack : thrown}`);
      },
    );
  };

  open(): string[] {
    return [...this.#open].map((name) => `${name} has no answer`);
  }
}

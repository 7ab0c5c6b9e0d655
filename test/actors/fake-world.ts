import type { InspectionEvent } from 'xstate';
import { createTree } from '../../src/actors/tree.js';
import type { Tree } from '../../src/contract/view.js';
import { SupertreeError } from '../../src/errors.js';
import type { SupervisorInput } from '../../src/model/input.js';
import type { Report } from '../../src/model/report.js';
import {
  createFakeDriver,
  createFakePorts,
  createVirtualClock,
  type FakeLeaseScript,
  type FakeScript,
  type VirtualClock,
} from '../../src/testing/index.js';

interface WorldOptions {
  readonly script?: FakeScript;
  readonly leases?: FakeLeaseScript;
  readonly inspect?: (event: InspectionEvent) => void;
}

/** A tree on a fake driver, fake ports and virtual time, not started; with everything that it reports. */
export function createWorld(input: SupervisorInput, { script, leases, inspect }: WorldOptions = {}) {
  const clock = createVirtualClock();
  const driver = createFakeDriver(clock, script);
  const ports = createFakePorts(clock, leases);
  const tree = createTree(input, { clock, driver, leases: ports, random: () => 0, ...(inspect && { inspect }) });
  const reports: Report[] = [];
  tree.subscribe((report) => void reports.push(report));
  const reportsOf = (path: string): string[] => reports.filter((report) => report.path === path).map(wordOf);
  return { clock, driver, ports, tree, reports, told: reportsOf };
}

/** The same, started and at rest. */
export async function startWorld(input: SupervisorInput, options: WorldOptions = {}) {
  const world = createWorld(input, options);
  const booted = world.tree.start();
  await world.clock.settle();
  await booted;
  return world;
}

/** What a promise comes to while time stands still. */
export async function outcome(clock: VirtualClock, promise: Promise<unknown>): Promise<unknown> {
  let found: unknown = 'pending';
  promise.then(
    (value) => {
      found = value ?? 'done';
    },
    (thrown: unknown) => {
      found = thrown instanceof SupertreeError ? thrown.code : thrown;
    },
  );
  await clock.settle();
  return found;
}

/** The state of every agent, in the order of the tree. */
export function states(tree: Tree): string {
  return tree
    .agents()
    .map(({ path, state }) => `${path} ${state}`)
    .join(', ');
}

function wordOf(report: Report): string {
  if (report.type === 'state') return report.state;
  if (report.type === 'supervisor') return report.status;
  return report.type;
}

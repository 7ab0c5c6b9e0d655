import type { Clock } from '../../src/contract/clock.js';
import type { Tree } from '../../src/contract/view.js';
import type { AgentInput } from '../../src/model/input.js';
import type { FakeDriver } from '../../src/testing/index.js';
import fc from '../fast-check.js';
import { added } from './generators.js';

/** A command to a tree, or an event of one of its processes. */
export type RaceEvent =
  | { readonly what: 'start' | 'stop' | 'kill' | 'restart' | 'pause' | 'resume'; readonly path: string }
  | { readonly what: 'signal' | 'crash' | 'done' | 'ready' | 'release'; readonly path: string }
  | { readonly what: 'overuse'; readonly path: string; readonly after: number }
  | { readonly what: 'terminate' | 'restartChild' | 'delete'; readonly path: string }
  | { readonly what: 'add'; readonly parent: string; readonly spec: AgentInput }
  | { readonly what: 'addInstance' }
  | { readonly what: 'halt'; readonly brutal: boolean };

/** The agents and supervisors that the events are for. */
export const PATHS = ['a', 'b', 'c', 'x', 's', 'p', 's/a', 's/b', 'p/1', 'p/2', 'p/3'].map((path) => `root/${path}`);

const path = fc.constantFrom(...PATHS);
const agentCommand = fc.constantFrom('start' as const, 'stop' as const, 'kill' as const, 'restart' as const);
const bodyCommand = fc.constantFrom('pause' as const, 'resume' as const, 'signal' as const);
const bodyEvent = fc.constantFrom(
  'crash' as const,
  'crash' as const,
  'done' as const,
  'ready' as const,
  'release' as const,
);
const childOperation = fc.constantFrom('terminate' as const, 'restartChild' as const, 'delete' as const);
const parent = fc.constantFrom('root', 'root/s');

/** Up to twelve events. */
export const raceEvents: fc.Arbitrary<RaceEvent[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ what: agentCommand, path }) },
    { weight: 3, arbitrary: fc.record({ what: bodyCommand, path }) },
    { weight: 6, arbitrary: fc.record({ what: bodyEvent, path }) },
    { weight: 3, arbitrary: fc.record({ what: fc.constant('overuse' as const), path, after: fc.nat(40) }) },
    { weight: 4, arbitrary: fc.record({ what: childOperation, path }) },
    { weight: 2, arbitrary: fc.record({ what: fc.constant('add' as const), parent, spec: added }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('addInstance' as const) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('halt' as const), brutal: fc.boolean() }) },
  ),
  { maxLength: 12 },
);

/** More bytes of memory than every limit allows. */
const EXCESSIVE_MEMORY = 1_000;

/** The interval between two samples of agents with limits, in ms: shorter than most stages. */
export const SAMPLE_PERIOD = 4;

/** Carries out an event. A call whose answer is awaited goes to `track`; an immediate refusal is an answer too. */
export function applyEvent(
  tree: Tree,
  driver: FakeDriver,
  clock: Clock,
  event: RaceEvent,
  track: (what: string, answer: () => Promise<unknown>) => void,
): void {
  const call = (answer: () => Promise<unknown>): void => track(JSON.stringify(event), answer);
  switch (event.what) {
    case 'start':
    case 'stop':
    case 'kill':
    case 'restart':
    case 'pause':
    case 'resume':
      return call(async () => tree.agent(event.path)[event.what]());
    case 'signal':
      return call(async () => tree.agent(event.path).signal('SIGTERM'));
    case 'crash':
      return void driver.crash(event.path);
    case 'done':
      return void driver.crash(event.path, { code: 0 });
    case 'ready':
      return void driver.ready(event.path);
    case 'release':
      return void driver.release(event.path);
    case 'overuse':
      clock.setTimeout(() => driver.use(event.path, { memory: EXCESSIVE_MEMORY }), event.after);
      // Time has to pass for the sample that measures it.
      return void clock.setTimeout(() => {}, event.after + 2 * SAMPLE_PERIOD);
    case 'terminate':
      return call(async () => parentOf(tree, event.path).terminate(idOf(event.path)));
    case 'restartChild':
      return call(async () => parentOf(tree, event.path).restart(idOf(event.path)));
    case 'delete':
      return call(async () => parentOf(tree, event.path).delete(idOf(event.path)));
    case 'add':
      return call(async () => tree.supervisor(event.parent).add(event.spec));
    case 'addInstance':
      return call(async () => tree.supervisor('root/p').add());
    case 'halt':
      return call(() => tree.stop({ brutal: event.brutal }));
  }
}

function parentOf(tree: Tree, of: string) {
  return tree.supervisor(of.slice(0, of.lastIndexOf('/')));
}

function idOf(of: string): string {
  return of.slice(of.lastIndexOf('/') + 1);
}

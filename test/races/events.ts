import type { Clock } from '../../src/contract/clock.js';
import type { Tree } from '../../src/contract/view.js';
import type { AgentInput } from '../../src/model/input.js';
import type { FakeDriver } from '../../src/testing/index.js';
import fc from '../fast-check.js';
import { added } from './generators.js';

/** A command to a tree, or an event of one of its processes: the one with this number among those that there are then. */
export type RaceEvent =
  | { readonly what: 'start' | 'stop' | 'kill' | 'restart' | 'pause' | 'resume'; readonly path: string }
  | { readonly what: 'signal'; readonly path: string }
  | {
      readonly what: 'crash' | 'done' | 'ready' | 'release' | 'feed' | 'trigger' | 'write';
      readonly process: number;
    }
  | { readonly what: 'overuse'; readonly process: number; readonly after: number; readonly resource: 'memory' | 'cpu' }
  | { readonly what: 'terminate' | 'restartChild' | 'delete'; readonly path: string }
  | { readonly what: 'add'; readonly parent: string; readonly spec: AgentInput }
  | { readonly what: 'addInstance' }
  | { readonly what: 'halt'; readonly brutal: boolean };

type Overuse = Extract<RaceEvent, { what: 'overuse' }>;

/** The agents and supervisors that the events are for. */
export const PATHS = ['a', 'b', 'c', 'x', 's', 'p', 's/a', 's/b', 'p/1', 'p/2', 'p/3'].map((path) => `root/${path}`);

const path = fc.constantFrom(...PATHS);
const process = fc.nat(5);
const agentCommand = fc.constantFrom('start' as const, 'stop' as const, 'kill' as const, 'restart' as const);
const bodyCommand = fc.constantFrom('pause' as const, 'resume' as const, 'signal' as const);
const bodyEvent = fc.constantFrom(
  'crash' as const,
  'crash' as const,
  'done' as const,
  'ready' as const,
  'release' as const,
  'feed' as const,
  'trigger' as const,
  'write' as const,
);
const childOperation = fc.constantFrom('terminate' as const, 'restartChild' as const, 'delete' as const);
const parent = fc.constantFrom('root', 'root/s');
const resource = fc.constantFrom('memory' as const, 'cpu' as const);

/** Up to three waves of events, each of up to eight. */
export const waves: fc.Arbitrary<RaceEvent[][]> = fc.array(
  fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.record({ what: agentCommand, path }) },
      { weight: 3, arbitrary: fc.record({ what: bodyCommand, path }) },
      { weight: 6, arbitrary: fc.record({ what: bodyEvent, process }) },
      {
        weight: 5,
        arbitrary: fc.record({ what: fc.constant('overuse' as const), process, after: fc.nat(40), resource }),
      },
      { weight: 4, arbitrary: fc.record({ what: childOperation, path }) },
      { weight: 2, arbitrary: fc.record({ what: fc.constant('add' as const), parent, spec: added }) },
      { weight: 1, arbitrary: fc.record({ what: fc.constant('addInstance' as const) }) },
      { weight: 1, arbitrary: fc.record({ what: fc.constant('halt' as const), brutal: fc.boolean() }) },
    ),
    { maxLength: 8 },
  ),
  { minLength: 1, maxLength: 3 },
);

/** More bytes, and more percent of a core, than every limit allows. */
const EXCESSIVE = { memory: 1_000, cpu: 1_000 };

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
      return void driver.crash(processAt(driver, event.process));
    case 'done':
      return void driver.crash(processAt(driver, event.process), { code: 0 });
    case 'ready':
      return void driver.ready(processAt(driver, event.process));
    case 'release':
      return void driver.release(processAt(driver, event.process));
    case 'feed':
      return void driver.notify(processAt(driver, event.process), 'WATCHDOG=1');
    case 'trigger':
      return void driver.notify(processAt(driver, event.process), 'WATCHDOG=trigger');
    case 'write':
      return void driver.say(processAt(driver, event.process), 'a line');
    case 'overuse':
      return overuse(driver, clock, event);
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

/**
 * Time has to pass for the samples that measure it: a new share of cpu is measured half a second after the last one, and is judged from the second sample
 * on.
 */
function overuse(driver: FakeDriver, clock: Clock, { process, after, resource }: Overuse): void {
  clock.setTimeout(() => driver.use(processAt(driver, process), { [resource]: EXCESSIVE[resource] }), after);
  const span = resource === 'cpu' ? 500 : 0;
  for (const samples of [1, 2, 3]) clock.setTimeout(() => {}, after + span + samples * 2 * SAMPLE_PERIOD);
}

/** The path of a process; empty when there is none. */
function processAt(driver: FakeDriver, index: number): string {
  const processes = driver.lives();
  return processes[index % processes.length]?.path ?? '';
}

function parentOf(tree: Tree, of: string) {
  return tree.supervisor(of.slice(0, of.lastIndexOf('/')));
}

function idOf(of: string): string {
  return of.slice(of.lastIndexOf('/') + 1);
}

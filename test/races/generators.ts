import type { AgentInput, CommandAgent, NodeInput, PoolInput, SupervisorInput } from '../../src/model/input.js';
import type { AutoShutdown } from '../../src/model/spec.js';
import type { FakeBehaviour } from '../../src/testing/index.js';
import fc from '../fast-check.js';

/*
 * Generated trees, and generated behaviour of their processes. Every tree settles: an agent that is asked to stop ends in the end or becomes a
 * zombie, and the number of failing starts is limited.
 */

const restart = fc.constantFrom('permanent' as const, 'transient' as const, 'temporary' as const);
const autoShutdown = fc.constantFrom<AutoShutdown>('never', 'never', 'any_significant', 'all_significant');

const budget = fc.record({
  maxRestarts: fc.integer({ min: 0, max: 3 }),
  within: fc.constant(60_000),
  backoff: fc.constantFrom({ initial: 0, max: 0, jitter: 0 }, { initial: 10, max: 40, jitter: 0 }),
  onExhausted: fc.constantFrom('escalate' as const, 'escalate' as const, 'fail' as const, 'cooldown' as const),
  cooldown: fc.constant(50),
});

const readiness = fc.constantFrom<NonNullable<AgentInput['readiness']>>(
  { type: 'none' },
  { type: 'none', minUptime: 5 },
  { type: 'notify', timeout: 30 },
);

const stop = fc.constantFrom<NonNullable<AgentInput['stop']>>(
  { ask: 10, insist: 10, kill: 10, drain: 10 },
  { ask: 1, insist: 1, kill: 1, drain: 1, message: 'end' },
  { closeInput: 5, ask: 10, insist: 10, kill: 10, drain: 10, scope: 'main' },
  'brutal_kill',
);

const output = fc.constantFrom<NonNullable<CommandAgent['output']>>({}, { order: 'merged' });

/** Short enough to be over in the middle of a start, a pause, a stop or a restart. */
const runtime = fc.constantFrom<Pick<AgentInput, 'maxRuntime'>>({}, {}, {}, { maxRuntime: 7 }, { maxRuntime: 25 });

/** Silence that is noticed and never ends an agent by itself: in a tree that cools down one agent could keep another one restarting for ever. */
const liveness = fc.constantFrom<Pick<AgentInput, 'liveness'>>(
  {},
  {},
  { liveness: { type: 'notify', timeout: 7, failures: 1_000_000 } },
  { liveness: { type: 'idle', initialDelay: 3, timeout: 4, failures: 1_000_000 } },
);

/** Silence that ends an agent: for one that is not restarted. */
const FATAL_SILENCE: Pick<AgentInput, 'liveness'> = { liveness: { type: 'idle', timeout: 9 } };

/** A limit that an agent with excessive memory, or cpu, exceeds. */
const limit = fc
  .constantFrom('report' as const, 'restart' as const, 'stop' as const)
  .map((action) => ({ max: 100, action }));

const limits: fc.Arbitrary<NonNullable<AgentInput['limits']>> = fc.oneof(
  fc.constant({}),
  fc.record({ memory: limit }),
  fc.record({ cpu: limit }),
  fc.record({ memory: limit, cpu: limit }),
);

const timeless = fc.record({
  limits,
  readiness,
  stop,
  output,
  ports: fc.constantFrom<readonly string[]>([], [], ['http'], ['http', 'admin']),
  pause: fc.constantFrom('forced' as const, 'cooperative' as const),
  hooks: fc.constantFrom<NonNullable<CommandAgent['hooks']>>(
    {},
    {},
    { beforeStart: ['before'], timeout: 8 },
    { afterEnd: ['after'], timeout: 8 },
  ),
  umask: fc.constantFrom('022', '0077'),
  nice: fc.integer({ min: -20, max: 19 }),
  oomScoreAdj: fc.integer({ min: -1000, max: 1000 }),
  user: fc.constantFrom<string | number>('root', 0, 'nobody'),
  rlimits: fc.constantFrom<NonNullable<CommandAgent['rlimits']>>(
    {},
    { nofile: 64 },
    { core: { soft: 0, hard: 'infinity' } },
  ),
  inherit: fc.constantFrom<NonNullable<CommandAgent['inherit']>>('all', 'none', ['PATH', 'HOME']),
  unset: fc.constantFrom<readonly string[]>([], ['HOME']),
  stdin: fc.constantFrom('pipe' as const, 'pipe' as const, 'closed' as const),
});

const body = fc
  .tuple(timeless, runtime, liveness)
  .map(([traits, limit, alive]) => ({ ...traits, ...limit, ...alive, ...inputOf(traits) }));

/** A pipe where the pause or the stop writes to it. */
function inputOf({ pause, stop, stdin }: Pick<AgentInput, 'pause' | 'stop' | 'stdin'>): Pick<AgentInput, 'stdin'> {
  const isWritten =
    pause === 'cooperative' ||
    (typeof stop === 'object' && (stop.message !== undefined || stop.closeInput !== undefined));
  return { stdin: isWritten ? 'pipe' : (stdin ?? 'pipe') };
}

type Body = Omit<CommandAgent, 'id' | 'command' | 'restart' | 'significant'>;

function agent(
  id: string,
  parent: AutoShutdown,
  type: AgentInput['restart'],
  traits: Body,
  wanted: boolean,
): AgentInput {
  const significant = wanted && type !== 'permanent' && parent !== 'never';
  const fatal = type === 'temporary' && traits.liveness?.type === 'idle' ? FATAL_SILENCE : {};
  return { id, command: [id], ...traits, ...fatal, ...(type === undefined ? {} : { restart: type }), significant };
}

const supervision = fc.record({
  strategy: fc.constantFrom('one_for_one' as const, 'one_for_all' as const, 'rest_for_one' as const),
  boot: fc.constantFrom('strict' as const, 'retry' as const),
  autoShutdown,
  budget,
});

const generatedAgent = fc.record({ type: restart, traits: body, wanted: fc.boolean() });

function group(maxLength: number): fc.Arbitrary<Omit<SupervisorInput, 'id'>> {
  return fc.tuple(supervision, fc.array(generatedAgent, { minLength: 1, maxLength })).map(([traits, agents]) => {
    const { budget: limits, ...rest } = traits;
    const children = agents.map((one, n) =>
      agent(IDS[n] as string, rest.autoShutdown, one.type, one.traits, one.wanted),
    );
    return { ...rest, ...limits, children };
  });
}

const IDS = ['a', 'b', 'c'];

const nested: fc.Arbitrary<SupervisorInput> = fc
  .tuple(group(2), restart)
  .map(([traits, type]) => ({ ...traits, id: 's', restart: type }));

const pool: fc.Arbitrary<PoolInput> = fc
  .record({ size: fc.nat(2), type: restart, traits: body, limits: budget, own: restart })
  .map(({ size, type, traits, limits, own }) => ({
    id: 'p',
    ...limits,
    restart: own,
    pool: { size, max: 3, concurrency: 1, agent: { command: ['p'], ...traits, restart: type } },
  }));

const otherChildren: fc.Arbitrary<NodeInput[]> = fc
  .tuple(fc.option(nested), fc.option(pool))
  .map((both) => both.filter((node) => node !== null));

/** A tree of up to three agents, a nested supervisor and a pool, in any order of the three kinds. */
export const tree: fc.Arbitrary<SupervisorInput> = fc
  .tuple(group(3), otherChildren, fc.nat(3))
  .map(([traits, others, at]) => ({
    ...traits,
    id: 'root',
    children: [...traits.children.slice(0, at), ...others, ...traits.children.slice(at)],
  }));

/** An agent that is added while the tree runs. */
export const added: fc.Arbitrary<AgentInput> = fc
  .tuple(fc.constantFrom('a', 'x'), restart, body)
  .map(([id, type, traits]) => agent(id, 'never', type, traits, false));

const behaviour: fc.Arbitrary<FakeBehaviour> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  {
    weight: 5,
    arbitrary: fc.constantFrom<FakeBehaviour>(
      { readyIn: 5, stopsIn: 5 },
      { exitsAfter: 5, code: 1 },
      { exitsAfter: 0, code: 1 },
      { exitsAfter: 5, code: 0 },
      { ignoresStop: true },
      { leavesChildren: true, exitsAfter: 20, code: 3 },
      { leavesChildren: true },
      { drainsIn: 5 },
      { drainsIn: 100 },
      { startsIn: 5 },
      { uses: { memory: 1_000 }, exitsAfter: 20, code: 1 },
      { uses: { memory: 1_000 }, stopsIn: 5, exitsAfter: 30, code: 0 },
      { uses: { cpu: 1_000 }, exitsAfter: 20, code: 1 },
      { uses: { cpu: 1_000, memory: 1_000 }, stopsIn: 5, exitsAfter: 30, code: 0 },
      { freezeFails: 'it is busy' },
      { readyIn: Number.POSITIVE_INFINITY },
      { failsStart: Number.POSITIVE_INFINITY },
      { unkillable: true },
      { unkillable: true, ignoresStop: true },
    ),
  },
);

/** The behaviour of each started incarnation of a tree, in the order of the starts; further ones run until they are stopped. */
export const behaviours: fc.Arbitrary<FakeBehaviour[]> = fc.array(behaviour, { maxLength: 10 });

/** How many of the first leases of a path are refused. */
export const refusals: fc.Arbitrary<number> = fc.constantFrom(0, 0, 1);

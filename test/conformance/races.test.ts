import { describe, expect, it } from 'vitest';
import type { Engine, Fact, Phase, Verb } from '../../src/model/fact.js';
import type { Budget, OnExhausted, RestartType } from '../../src/model/spec.js';
import { createSupervision } from '../../src/model/supervision.js';
import fc from '../fast-check.js';
import { child, family, pool } from './family.js';
import { CRASH, START_FAILED, told, World } from './harness.js';
import { askedOnce, budgetKept, endsAnswered, type Rule, reverseOrder, watched } from './invariants.js';

/*
 * Everything that can happen to a supervisor is a task of fast-check's scheduler: exits, readiness, the answers to stops, kill deadlines, the
 * ends of delays, commands, the stop itself. They run in any order; the invariants hold in each. A failure prints its seed and the schedule.
 */

const RUNS = Number(process.env.HISTORIES ?? 400);

const VERBS: readonly Verb[] = ['start', 'stop', 'kill', 'restart', 'restart_child', 'delete'];

type Happening =
  | { readonly what: 'command'; readonly verb: Verb; readonly id: string }
  | { readonly what: 'add' | 'crash' | 'done' | 'failNext' | 'stubborn' | 'condemn' | 'echo'; readonly id: string }
  | { readonly what: 'halt'; readonly brutal: boolean }
  | { readonly what: 'pass'; readonly ms: number };

function happenings(ids: readonly string[]): fc.Arbitrary<Happening[]> {
  const id = fc.constantFrom(...ids);
  const command = fc.record({ what: fc.constant('command' as const), verb: fc.constantFrom(...VERBS), id });
  const whats = ['add', 'crash', 'crash', 'done', 'failNext', 'stubborn', 'condemn', 'echo'] as const;
  const event = fc.record({ what: fc.constantFrom(...whats), id });
  const halt = fc.record({ what: fc.constant('halt' as const), brutal: fc.boolean() });
  const pass = fc.record({ what: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 3000 }) });
  const weighed = [
    { weight: 10, arbitrary: command },
    { weight: 10, arbitrary: event },
    { weight: 1, arbitrary: halt },
    { weight: 2, arbitrary: pass },
  ];
  return fc.array(fc.oneof(...weighed), { maxLength: 14 });
}

function happen(world: World, event: Happening): void {
  switch (event.what) {
    case 'command':
      world.command(event.verb, event.id);
      return;
    case 'add':
      world.add(child(event.id));
      return;
    case 'crash':
      world.exit(event.id, world.lives.get(event.id)?.ready ? CRASH : START_FAILED);
      return;
    case 'done':
      world.exit(event.id, world.lives.get(event.id)?.ready ? { kind: 'normal' } : START_FAILED);
      return;
    case 'failNext':
      return world.failNext(event.id);
    case 'stubborn':
      world.stubborn.add(event.id);
      return;
    case 'condemn':
      world.condemn(event.id);
      return;
    case 'echo':
      return echo(world, event.id);
    case 'halt':
      return world.halt(event.brutal);
    case 'pass':
      world.now += event.ms;
  }
}

/** An exit that comes again, much too late. */
function echo(world: World, id: string): void {
  const generation = (world.engine.row(id)?.generation ?? 1) - 1;
  world.tell({ type: 'ended', id, generation, at: world.now, random: 0, reason: CRASH });
}

/** A world whose debts are paid in the order that the scheduler likes. */
function racing(engine: Engine, later: Later): World {
  return new World(engine, (debt) => later(`${debt.kind} ${debt.name}`, debt.pay));
}

/** Does something as a task of the scheduler. */
type Later = (label: string, act: () => void) => void;

/** What is stuck is gone some time after it was called so. */
function lastGone(world: () => World, later: Later): Rule {
  return (fact) => {
    if (fact.type === 'stuck') later(`last of ${fact.id}`, () => world().exit(fact.id, { kind: 'killed' }));
    return [];
  };
}

async function race(
  engine: Engine,
  rules: readonly Rule[],
  scheduler: fc.Scheduler,
  events: Happening[],
): Promise<string[]> {
  const broken: string[] = [];
  const later: Later = (label, act) => {
    const noted = (error: unknown) => void broken.push(`thrown: ${error}`);
    scheduler.schedule(Promise.resolve(), label).then(act).catch(noted);
  };
  const watch = watched(engine, broken, [...rules, askedOnce(), lastGone(() => world, later)]);
  const world: World = racing(watch, later);
  world.boot();
  for (const event of events) later(JSON.stringify(event), () => happen(world, event));
  await scheduler.waitIdle();
  broken.push(...unrest(world), ...lost(world, events), ...unanswered(world));
  world.halt();
  await scheduler.waitIdle();
  if (world.finished.length !== 1) broken.push(`finished ${world.finished.length} times`);
  return [...broken, ...world.violations, ...unanswered(world), ...[...world.lives.keys()].map((id) => `${id} left`)];
}

/** What must not last: a phase that is on its way to another, a supervisor neither up nor ended, a temporary child that is down (R3). */
function unrest(world: World): string[] {
  const { status } = world.engine;
  if (status !== 'running') return status === 'ended' ? [] : [`stays ${status}`];
  const restart = restartTypes(world);
  const rests = (id: string, phase: Phase) => phase === 'up' || (phase === 'down' && restart.get(id) !== 'temporary');
  const lasting = world.engine.which().filter((row) => !rests(row.id, row.phase));
  return lasting.map((row) => `${row.id} stays ${row.phase}`);
}

/** R1, at rest: a permanent child that no person stopped is up, unless a budget was exceeded. */
function lost(world: World, events: Happening[]): string[] {
  if (world.engine.status !== 'running' || told(world, 'exhausted').length > 0) return [];
  const verbs: readonly Verb[] = ['stop', 'kill', 'restart_child'];
  const excused = new Set(
    events.flatMap((event) => (event.what === 'command' && verbs.includes(event.verb) ? event.id : [])),
  );
  const restart = restartTypes(world);
  const down = world.engine.which().filter(({ id, phase }) => phase !== 'up' && restart.get(id) === 'permanent');
  return down.filter(({ id }) => !excused.has(id)).map(({ id }) => `${id} was lost`);
}

function restartTypes(world: World): Map<string, RestartType> {
  return new Map(told(world, 'create').map(({ id, spec }) => [id, spec.restart]));
}

function unanswered(world: World): string[] {
  return [...world.answers].filter(([, answers]) => answers.length !== 1).map(([token]) => `token ${token} unanswered`);
}

const IDS = ['a', 'b', 'c', 'd'];
const INSTANCES = ['1', '2', '3', '4'];

const strategy = fc.constantFrom('one_for_one' as const, 'one_for_all' as const, 'rest_for_one' as const);
const restart = fc.constantFrom('permanent' as const, 'transient' as const, 'temporary' as const);
const restarts = fc.tuple(restart, restart, restart);
const maxRestarts = fc.nat(4);
const autoShutdown = fc.constantFrom('never' as const, 'any_significant' as const, 'all_significant' as const);
const boot = fc.constantFrom('strict' as const, 'retry' as const);
const onExhausted = fc.constantFrom<OnExhausted>('escalate', 'fail', 'cooldown');
const flags = fc.record({ strategy, maxRestarts, autoShutdown, boot });

const BUDGET: Omit<Budget, 'maxRestarts'> = { within: 2000 };

/** `a` to `c`; what is not permanent is significant (C5). */
function children(types: readonly string[]): string {
  return types.map((type, index) => `${IDS[index]}:${type}${type === 'permanent' ? '' : '!'}`).join(' ');
}

describe('races of the static engine', () => {
  it('keep every invariant under otpExact', async () => {
    const property = fc.asyncProperty(
      fc.scheduler(),
      flags,
      restarts,
      happenings(IDS),
      async (s, given, types, events) => {
        const budget = { maxRestarts: given.maxRestarts, ...BUDGET };
        const engine = createSupervision(family(children(types), { ...given, ...budget }));
        const rules = [reverseOrder(), budgetKept(budget), endsAnswered(engine)];
        expect(await race(engine, rules, s, events)).toEqual([]);
      },
    );
    await fc.assert(property, { numRuns: RUNS });
  });

  it('keep every invariant with delays and each value of onExhausted', async () => {
    const ours = fc.tuple(flags, onExhausted);
    const property = fc.asyncProperty(
      fc.scheduler(),
      ours,
      restarts,
      happenings(IDS),
      async (s, given, types, events) => {
        const options = { ...given[0], onExhausted: given[1], otpExact: false, ...BUDGET };
        const engine = createSupervision(family(children(types), options));
        expect(await race(engine, [reverseOrder(), endsAnswered(engine)], s, events)).toEqual([]);
      },
    );
    await fc.assert(property, { numRuns: RUNS });
  });

  it('violate an invariant for an engine that accepts facts about earlier incarnations', async () => {
    const property = fc.asyncProperty(fc.scheduler(), restarts, happenings(IDS), async (s, types, events) => {
      const engine = forgetful(createSupervision(family(children(types), { maxRestarts: 9 })));
      expect(await race(engine, [], s, events)).toEqual([]);
    });
    const details = await fc.check(property, { numRuns: RUNS, endOnFailure: true });
    expect(details.failed).toBe(true);
  });
});

describe('races of a pool', () => {
  it('keep every invariant under otpExact', async () => {
    const property = fc.asyncProperty(
      fc.scheduler(),
      maxRestarts,
      restart,
      happenings(INSTANCES),
      async (s, max, type, events) => {
        const budget = { maxRestarts: max, ...BUDGET };
        const engine = pool({ size: 3, max: 5, concurrency: 2, restart: type, ...budget });
        expect(await race(engine, [budgetKept(budget), endsAnswered(engine)], s, events)).toEqual([]);
      },
    );
    await fc.assert(property, { numRuns: RUNS });
  });

  it('keep every invariant with delays and each value of onExhausted', async () => {
    const ours = fc.tuple(maxRestarts, restart, onExhausted);
    const property = fc.asyncProperty(fc.scheduler(), ours, happenings(INSTANCES), async (s, given, events) => {
      const options = { maxRestarts: given[0], restart: given[1], onExhausted: given[2], otpExact: false, ...BUDGET };
      const engine = pool({ size: 3, max: 5, concurrency: 2, ...options });
      expect(await race(engine, [endsAnswered(engine)], s, events)).toEqual([]);
    });
    await fc.assert(property, { numRuns: RUNS });
  });
});

/** The mistake of supervision by id alone: whatever is said of an id is said of its present life. */
function forgetful(engine: Engine): Engine {
  const present = (fact: Fact): Fact =>
    'generation' in fact ? { ...fact, generation: engine.row(fact.id)?.generation ?? fact.generation } : fact;
  return watched(
    {
      ...engine,
      get status() {
        return engine.status;
      },
      decide: (fact) => engine.decide(present(fact)),
    },
    [],
    [],
  );
}

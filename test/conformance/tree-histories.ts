import fc from '../fast-check.js';
import type { PoolFlags, ReferenceChild, ReferenceFlags, Supervised } from './reference-row.js';
import { Pair } from './tree-pair.js';

/*
 * Histories in motion of a tree: supervisors, and pools, that are children of supervisors, two levels below the root. Starts and stops of agents take
 * time, and ends, zombies, calls to each of the supervisors, halts, brutal or not, and the next try of a failed restart come at any moment. Boots are
 * strict or retried, in sequence or parallel. After every step the engines and the reference must agree on the answers, and for each supervisor on the
 * order of starts and stops, on which and count, on the status and on its ends.
 */

type Step = fc.Command<Pair, null>;

/** `run` returns the step as text, which depends on what is under way. A failure shows all steps of its history. */
function step(run: (pair: Pair) => string): Step {
  return {
    check: (pair) => !pair.isOver,
    run(pair) {
      pair.lines.push(run(pair));
      try {
        pair.compare();
      } catch (difference) {
        throw new Error(`${pair.lines.join('\n')}\n${(difference as Error).message}`, { cause: difference });
      }
    },
    toString: () => '',
  };
}

const restart = fc.constantFrom('permanent' as const, 'transient' as const, 'temporary' as const);

/** C5: what is permanent is never significant. */
function childOf(ids: readonly string[], below: fc.Arbitrary<Supervised> | null): fc.Arbitrary<ReferenceChild> {
  const more = below ? below.map((given) => ({ below: given })) : fc.boolean().map((brutal) => ({ brutal }));
  return fc
    .tuple(fc.record({ id: fc.constantFrom(...ids), restart, significant: fc.boolean() }), more)
    .map(([given, rest]) => ({ ...given, ...rest }))
    .map((given) => ({ ...given, significant: given.significant && given.restart !== 'permanent' }));
}

function flagsOf(strategy: fc.Arbitrary<ReferenceFlags['strategy']>): fc.Arbitrary<ReferenceFlags> {
  return fc
    .record({
      strategy,
      intensity: fc.nat(3),
      period: fc.integer({ min: 1, max: 3 }),
      autoShutdown: fc.constantFrom('never' as const, 'any_significant' as const, 'all_significant' as const),
      boot: fc.constantFrom('strict' as const, 'retry' as const),
      start: fc.constantFrom('sequence' as const, 'parallel' as const),
    })
    .map((flags) => (flags.strategy === 'one_for_one' ? flags : { ...flags, start: 'sequence' as const }));
}

const anyStrategy = fc.constantFrom('one_for_one' as const, 'one_for_all' as const, 'rest_for_one' as const);

const pool: fc.Arbitrary<PoolFlags> = fc.record({
  restart,
  intensity: fc.nat(3),
  period: fc.integer({ min: 1, max: 3 }),
  max: fc.integer({ min: 1, max: 4 }),
  concurrency: fc.integer({ min: 1, max: 3 }),
});

function supervisorOf(
  children: fc.Arbitrary<ReferenceChild>[],
  strategy: fc.Arbitrary<ReferenceFlags['strategy']> = anyStrategy,
): fc.Arbitrary<Supervised> {
  const list = fc.uniqueArray(fc.oneof(...children), { minLength: 1, maxLength: 5, selector: ({ id }) => id });
  // In a random order of start, each child may come after those before it.
  const links = fc.array(fc.nat(7), { minLength: 5, maxLength: 5 });
  const order = fc.array(fc.nat(99), { minLength: 5, maxLength: 5 });
  return fc.tuple(flagsOf(strategy), list, links, order).map(([flags, given, bits, keys]) => {
    const linked = given.map((child, at) => linkedTo(child, given.slice(0, at), bits[at] as number));
    return { flags, children: flags.start === 'parallel' ? shuffled(linked, keys) : linked };
  });
}

/** Comes after those of the first three children before it whose bit is set. */
function linkedTo(child: ReferenceChild, before: readonly ReferenceChild[], bits: number): ReferenceChild {
  const after = before.filter((_, at) => (bits >> at) % 2 === 1).map(({ id }) => id);
  return after.length > 0 ? { ...child, after } : child;
}

function shuffled<T>(list: readonly T[], keys: readonly number[]): T[] {
  return list
    .map((item, at) => ({ item, key: keys[at] as number }))
    .toSorted((one, other) => one.key - other.key)
    .map(({ item }) => item);
}

const agent = childOf(['a', 'b', 'd'], null);
const poolChild = childOf(
  ['p'],
  pool.map((flags) => ({ pool: flags })),
);
const lowest = supervisorOf([agent, agent, poolChild]);
const middle = supervisorOf([agent, agent, childOf(['s'], lowest), poolChild]);
const added = fc.oneof(childOf(['a', 'c'], null), childOf(['t'], supervisorOf([agent])));

/** A root whose children are agents. */
export function families(strategy: ReferenceFlags['strategy']): fc.Arbitrary<Supervised> {
  return supervisorOf([childOf(['a', 'b', 'c', 'd', 'e'], null)], fc.constant(strategy));
}

/** The root, with supervisors and pools on two levels below it. */
export function trees(strategy: ReferenceFlags['strategy']): fc.Arbitrary<Supervised> {
  return supervisorOf(
    [agent, childOf(['s', 't'], middle), childOf(['s', 't'], middle), poolChild],
    fc.constant(strategy),
  );
}

const at = fc.nat(59);
const reason = fc.constantFrom('normal' as const, 'shutdown' as const, 'abnormal' as const, 'abnormal' as const);
const verb = fc.constantFrom('terminate' as const, 'kill' as const, 'restart' as const, 'delete' as const);
const settle = at.map((n) => step((pair) => pair.settle(n)));
const end = fc.tuple(at, reason).map(([n, why]) => step((pair) => pair.end(n, why, true)));
const fail = fc.tuple(at, reason).map(([n, why]) => step((pair) => pair.end(n, why, false)));
const add = fc.tuple(at, added).map(([n, child]) => step((pair) => pair.call(n, { verb: 'add', child })));
const call = fc.tuple(at, verb, at).map(([n, name, index]) => step((pair) => pair.call(n, { verb: name, index })));
const pass = fc.integer({ min: 0, max: 2500 }).map((ms) => step((pair) => pair.pass(ms)));
const halt = fc.boolean().map((kills) => step((pair) => pair.halt(kills)));
const hurry = fc.constant(step((pair) => pair.hurry()));
const condemn = at.map((n) => step((pair) => pair.condemn(n)));

const often = [settle, settle, settle, settle, settle, settle, end, end];
const calls = [add, add, add, call, call, call, call, call];
const others = [fail, condemn, condemn, condemn, hurry, hurry, pass, pass];
const steps = [...often, ...often, ...often, ...often, ...calls, ...others];

/** At its default size fast-check generates ten steps at most, with which few trees have even booted. */
export const treeSteps = fc.commands([...steps, ...steps, ...steps, halt], { maxCommands: 60, size: 'max' });

/** Lives through one history; throws at the first step after which the two disagree. */
export function liveTree(root: Supervised, commands: Iterable<Step>): void {
  fc.modelRun(() => {
    const pair = new Pair(root);
    pair.compare();
    return { model: pair, real: null };
  }, commands);
}

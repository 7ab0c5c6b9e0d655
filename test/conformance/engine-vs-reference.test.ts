import { describe, expect, it } from 'vitest';
import type { Reason } from '../../src/model/reason.js';
import fc from '../fast-check.js';
import { child, worldOf } from './family.js';
import { CRASH, type World } from './harness.js';
import { Reference } from './reference.js';
import type { ReferenceChild, ReferenceFlags } from './reference-row.js';

/*
 * The engine and the reference live through the same random histories; after each step they must agree on everything that OTP lets
 * a caller see, and on the order in which children were started and told to stop. fast-check prints the seed and the path of a failure.
 */

const IDS = ['a', 'b', 'c', 'd', 'e'] as const;
const HISTORIES = Number(process.env.HISTORIES ?? 150);

interface History {
  readonly flags: ReferenceFlags;
  readonly children: readonly ReferenceChild[];
}

type Step = fc.Command<Reference, World>;

/** What was done and said: `run` does the same to both and compares their words. */
function step(title: string, run: (reference: Reference, world: World) => void): Step {
  return {
    check: () => true,
    run(reference, world) {
      run(reference, world);
      compare(reference, world);
    },
    toString: () => title,
  };
}

/** The answer to a call that is answered at once. */
function said(call: (reply: (answer: string) => void) => void): string {
  let answer = 'pending';
  call((given) => {
    answer = given;
  });
  return answer;
}

function compare(reference: Reference, world: World): void {
  expect(world.violations).toEqual([]);
  expect(world.log).toEqual(reference.log);
  expect(world.end()).toBe(reference.end);
  expect(world.engine.status).toBe(reference.end ? 'ended' : 'running');
  if (reference.end) return;
  expect(world.engine.which().map((row) => [row.id, row.phase])).toEqual(reference.which());
  expect(world.engine.count()).toMatchObject(reference.count());
}

function addStep(given: ReferenceChild): Step {
  const text = `${given.id}:${given.restart}${given.significant ? '!' : ''}`;
  return step(`add ${text}`, (reference, world) => {
    expect(world.answer(world.add(child(text)))).toBe(said((reply) => reference.add(given, reply)));
  });
}

const REASONS: Record<'normal' | 'shutdown' | 'abnormal', Reason> = {
  normal: { kind: 'normal' },
  shutdown: { kind: 'shutdown' },
  abnormal: CRASH,
};

const id = fc.constantFrom(...IDS);

/** C5: what is permanent is never significant. */
function childOf(name: fc.Arbitrary<string>): fc.Arbitrary<ReferenceChild> {
  const restart = fc.constantFrom('permanent' as const, 'transient' as const, 'temporary' as const);
  return fc
    .record({ id: name, restart, significant: fc.boolean() })
    .map((given) => ({ ...given, significant: given.significant && given.restart !== 'permanent' }));
}

function historyOf(strategy: ReferenceFlags['strategy']): fc.Arbitrary<History> {
  const flags = fc.record({
    strategy: fc.constant(strategy),
    intensity: fc.nat(4),
    period: fc.integer({ min: 1, max: 3 }),
    autoShutdown: fc.constantFrom('never' as const, 'any_significant' as const, 'all_significant' as const),
  });
  const children = fc.uniqueArray(childOf(id), { maxLength: 4, selector: (row) => row.id });
  return fc.record({ flags, children });
}

const steps = [
  childOf(id).map(addStep),
  id.map((name) =>
    step(`terminate ${name}`, (reference, world) => {
      expect(world.answer(world.command('stop', name))).toBe(said((reply) => reference.terminate(name, reply)));
    }),
  ),
  id.map((name) =>
    step(`restart ${name}`, (reference, world) => {
      expect(world.answer(world.command('restart_child', name))).toBe(said((reply) => reference.restart(name, reply)));
    }),
  ),
  id.map((name) =>
    step(`delete ${name}`, (reference, world) => {
      expect(world.answer(world.command('delete', name))).toBe(said((reply) => reference.delete(name, reply)));
    }),
  ),
  fc.tuple(id, fc.constantFrom('normal', 'shutdown', 'abnormal', 'abnormal')).map(([name, reason]) =>
    step(`${name} ends ${reason}`, (reference, world) => {
      reference.exit(name, reason);
      world.exit(name, REASONS[reason]);
    }),
  ),
  fc.tuple(id, fc.integer({ min: 1, max: 3 })).map(([name, times]) =>
    step(`the next ${times} starts of ${name} fail`, (reference, world) => {
      reference.failures.set(name, times);
      world.failNext(name, times);
    }),
  ),
  fc.integer({ min: 0, max: 2500 }).map((ms) =>
    step(`${ms} ms pass`, (reference, world) => {
      reference.again();
      reference.now += ms;
      world.advance(ms);
    }),
  ),
];

const stop = fc.constant(
  step('stop', (reference, world) => {
    reference.halt();
    world.halt();
  }),
);

function live(history: History, commands: Iterable<Step>, patient: boolean): void {
  const text = history.children.map((row) => `${row.id}:${row.restart}${row.significant ? '!' : ''}`).join(' ');
  const { strategy, intensity, period, autoShutdown } = history.flags;
  fc.modelRun(() => {
    const reference = new Reference(history.flags, { patient });
    const world = worldOf(text, { strategy, autoShutdown, maxRestarts: intensity, within: period * 1000 });
    world.holdAfterFailure = patient;
    reference.boot(history.children);
    world.boot();
    compare(reference, world);
    return { model: reference, real: world };
  }, commands);
}

for (const strategy of ['one_for_one', 'one_for_all', 'rest_for_one'] as const) {
  describe(`the engine of ${strategy}`, () => {
    const history = historyOf(strategy);

    it('agrees with the reference when each failed restart is tried again at once', () => {
      const commands = fc.commands([...steps, ...steps, stop], { maxCommands: 30, size: 'max' });
      fc.assert(
        fc.property(history, commands, (given, list) => live(given, list, false)),
        { numRuns: HISTORIES },
      );
    });

    it('agrees with the reference when calls come between the tries', () => {
      const commands = fc.commands([...steps, ...steps, stop], { maxCommands: 30, size: 'max' });
      fc.assert(
        fc.property(history, commands, (given, list) => live(given, list, true)),
        { numRuns: HISTORIES },
      );
    });
  });
}

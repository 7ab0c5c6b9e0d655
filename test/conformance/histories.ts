import { expect } from 'vitest';
import type { Reason } from '../../src/model/reason.js';
import fc from '../fast-check.js';
import { child, worldOf } from './family.js';
import { CRASH, type Debt, START_FAILED, type World } from './harness.js';
import { Reference } from './reference.js';
import type { Exit, ReferenceChild, ReferenceFlags } from './reference-row.js';

/*
 * Histories in motion: starts and stops take time, and ends, calls, a halt and the next try of a failed restart come at any moment. The engine and
 * the reference live through each one together; after every step they must agree on the answers (and on which calls wait for one), on the
 * order of starts and stops, on which and count, on the status and on the reason of the end.
 */

const IDS = ['a', 'b', 'c', 'd', 'e'] as const;
const REASONS: Record<Exit, Reason> = {
  normal: { kind: 'normal' },
  shutdown: { kind: 'shutdown' },
  abnormal: CRASH,
};

/** The words of the reference for the statuses of an engine that differ. */
const STATUSES: Readonly<Record<string, string>> = { failing: 'stopping' };

/** Both of them, and what they have answered so far. */
class Pair {
  readonly answers: string[] = [];
  readonly tokens: number[] = [];

  constructor(
    readonly reference: Reference,
    readonly world: World,
  ) {}

  call(token: number, ask: (reply: (answer: string) => void) => void): void {
    const index = this.answers.push('pending') - 1;
    this.tokens.push(token);
    ask((answer) => {
      this.answers[index] = answer;
    });
  }

  /** The start or stop of this child that is under way is over. */
  settle(id: string): void {
    this.reference.settle(id);
    const debts = this.#takeDebts(id);
    const stops = debts.filter(({ kind }) => kind === 'stop');
    for (const debt of stops.length > 0 ? stops : debts) debt.pay();
  }

  exit(id: string, reason: Exit): void {
    this.#takeDebts(id);
    this.reference.exit(id, reason);
    this.world.exit(id, this.world.lives.get(id)?.ready ? REASONS[reason] : START_FAILED);
  }

  /** Those of the start and the stop of this child. A later child with the same id owes nothing for it. */
  #takeDebts(id: string): Debt[] {
    const { debts } = this.world;
    const taken = debts.filter(({ kind, name }) => kind !== 'delay' && name === id);
    this.world.debts = debts.filter((debt) => !taken.includes(debt));
    return taken;
  }

  compare(): void {
    const { reference, world } = this;
    expect(world.violations).toEqual([]);
    expect(world.log).toEqual(reference.log);
    expect(this.tokens.map((token) => world.answer(token))).toEqual(this.answers);
    expect(world.end()).toBe(reference.end);
    expect(STATUSES[world.engine.status] ?? world.engine.status).toBe(reference.status);
    if (reference.end) return;
    expect(world.engine.which().map((row) => [row.id, row.phase])).toEqual(reference.which());
    expect(world.engine.count()).toMatchObject(reference.count());
  }
}

type Step = fc.Command<Pair, null>;

function step(title: string, run: (pair: Pair) => void): Step {
  return {
    check: () => true,
    run(pair) {
      run(pair);
      pair.compare();
    },
    toString: () => title,
  };
}

const id = fc.constantFrom(...IDS);

/** C5: what is permanent is never significant. */
const anyChild = fc
  .record({
    id,
    restart: fc.constantFrom('permanent' as const, 'transient' as const, 'temporary' as const),
    significant: fc.boolean(),
  })
  .map((given) => ({ ...given, significant: given.significant && given.restart !== 'permanent' }));

const textOf = ({ id, restart, significant }: ReferenceChild) => `${id}:${restart}${significant ? '!' : ''}`;

const calls = [
  anyChild.map((given) =>
    step(`add ${textOf(given)}`, (pair) =>
      pair.call(pair.world.add(child(textOf(given))), (reply) => pair.reference.add(given, reply)),
    ),
  ),
  id.map((name) =>
    step(`terminate ${name}`, (pair) =>
      pair.call(pair.world.command('stop', name), (reply) => pair.reference.terminate(name, reply)),
    ),
  ),
  id.map((name) =>
    step(`restart ${name}`, (pair) =>
      pair.call(pair.world.command('restart_child', name), (reply) => pair.reference.restart(name, reply)),
    ),
  ),
  id.map((name) =>
    step(`delete ${name}`, (pair) =>
      pair.call(pair.world.command('delete', name), (reply) => pair.reference.delete(name, reply)),
    ),
  ),
];

const settle = id.map((name) => step(`the start or stop of ${name} is over`, (pair) => pair.settle(name)));

const settleNext = fc.nat(3).map((index) =>
  step(`start or stop ${index} of those under way is over`, (pair) => {
    const moving = pair.world.engine.which().filter(({ phase }) => phase === 'starting' || phase === 'stopping');
    const row = moving[index % moving.length];
    if (row !== undefined) pair.settle(row.id);
  }),
);

const ends = fc
  .tuple(id, fc.constantFrom('normal', 'shutdown', 'abnormal', 'abnormal'))
  .map(([name, reason]) => step(`${name} ends ${reason}`, (pair) => pair.exit(name, reason)));

const failures = fc.tuple(id, fc.integer({ min: 1, max: 3 })).map(([name, times]) =>
  step(`the next ${times} starts of ${name} fail`, ({ reference, world }) => {
    reference.failures.set(name, times);
    world.failNext(name, times);
  }),
);

const pass = fc.integer({ min: 0, max: 2500 }).map((ms) =>
  step(`${ms} ms pass`, ({ reference, world }) => {
    reference.again();
    reference.now += ms;
    world.advance(ms);
  }),
);

const halt = fc.constant(
  step('halt', ({ reference, world }) => {
    reference.halt();
    world.halt();
  }),
);

export interface History {
  readonly flags: ReferenceFlags;
  readonly children: readonly ReferenceChild[];
}

export function histories(strategy: ReferenceFlags['strategy']): fc.Arbitrary<History> {
  const flags = fc.record({
    strategy: fc.constant(strategy),
    intensity: fc.nat(4),
    period: fc.integer({ min: 1, max: 3 }),
    autoShutdown: fc.constantFrom('never' as const, 'any_significant' as const, 'all_significant' as const),
  });
  const children = fc.uniqueArray(anyChild, { maxLength: 4, selector: (row) => row.id });
  return fc.record({ flags, children });
}

const often = [settle, settleNext, settleNext, settleNext, ends, ends];
export const steps = fc.commands([...often, ...often, ...calls, ...calls, failures, pass, halt], {
  maxCommands: 40,
  size: 'max',
});

/** Lives through one history; throws at the first step after which the two disagree. */
export function live({ flags, children }: History, commands: Iterable<Step>): void {
  const { strategy, intensity, period, autoShutdown } = flags;
  fc.modelRun(() => {
    const reference = new Reference(flags, { patient: true, slow: true });
    const world = worldOf(children.map(textOf).join(' '), {
      strategy,
      autoShutdown,
      maxRestarts: intensity,
      within: period * 1000,
    });
    world.holdAfterFailure = true;
    for (const kind of ['start', 'stop'] as const) world.held.add(kind);
    const pair = new Pair(reference, world);
    reference.boot(children);
    world.boot();
    pair.compare();
    return { model: pair, real: null };
  }, commands);
}

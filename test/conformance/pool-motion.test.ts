import { describe, expect, it } from 'vitest';
import type { Reason } from '../../src/model/reason.js';
import fc, { SEED } from '../fast-check.js';
import { child, pool } from './family.js';
import { CRASH, type Debt, START_FAILED, World } from './harness.js';
import { ReferencePool } from './reference-pool.js';
import type { Exit, PoolFlags } from './reference-row.js';

/*
 * Pools in motion: starts and stops take time, and ends, calls and the next try of a failed restart come at any moment. The engine and the reference
 * must agree after every step, as in motion.test.ts, which says how to live through more histories.
 */
const HISTORIES = Number(process.env.HISTORIES ?? 400);

const REASONS: Record<Exit, Reason> = { normal: { kind: 'normal' }, shutdown: { kind: 'shutdown' }, abnormal: CRASH };

class Pair {
  readonly answers: string[] = [];
  readonly tokens: number[] = [];
  readonly reference: ReferencePool;
  readonly world: World;

  constructor(flags: PoolFlags) {
    const { intensity, period, ...sizes } = flags;
    this.reference = new ReferencePool(flags);
    this.world = new World(pool({ ...sizes, maxRestarts: intensity, within: period * 1000 }));
    for (const kind of ['start', 'stop'] as const) this.world.held.add(kind);
    this.world.holdAfterFailure = true;
    this.world.boot();
  }

  call(token: number, ask: (reply: (answer: string) => void) => void): void {
    const index = this.answers.push('pending') - 1;
    this.tokens.push(token);
    ask((answer) => {
      this.answers[index] = answer;
    });
  }

  /** Its start, or its stop, is over. */
  settle(id: string, ready: boolean): void {
    this.reference.settle(id, ready);
    const debts = this.#takeDebts(id);
    const debt = debts.find(({ kind }) => kind === 'stop') ?? debts[0];
    if (debt?.kind === 'stop' || ready) debt?.pay();
    else if (debt) this.world.exit(id, START_FAILED);
  }

  exit(id: string, reason: Exit): void {
    const isStopping = this.world.engine.row(id)?.phase === 'stopping';
    if (!isStopping && !this.world.lives.get(id)?.ready) return;
    this.#takeDebts(id);
    this.reference.exit(id, reason);
    this.world.exit(id, REASONS[reason]);
  }

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

const id = fc.integer({ min: 1, max: 8 }).map(String);

const add = fc.constant(
  step('add', (pair) => pair.call(pair.world.add(child('x')), (reply) => pair.reference.add(reply))),
);
const ready = id.map((name) => step(`${name} is ready, or its stop over`, (pair) => pair.settle(name, true)));
const fails = id.map((name) =>
  step(`the start of ${name} fails, or its stop is over`, (pair) => pair.settle(name, false)),
);
const ends = fc
  .tuple(id, fc.constantFrom('normal', 'shutdown', 'abnormal', 'abnormal'))
  .map(([name, reason]) => step(`${name} ends ${reason}`, (pair) => pair.exit(name, reason)));
const terminate = id.map((name) =>
  step(`terminate ${name}`, (pair) =>
    pair.call(pair.world.command('stop', name), (reply) => pair.reference.terminate(name, reply)),
  ),
);
const refused = fc
  .tuple(id, fc.constantFrom('restart_child' as const, 'delete' as const))
  .map(([name, verb]) =>
    step(`${verb} ${name}`, (pair) =>
      pair.call(pair.world.command(verb, name), (reply) => pair.reference.refuse(reply)),
    ),
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

const flags: fc.Arbitrary<PoolFlags> = fc.record({
  restart: fc.constantFrom('permanent' as const, 'transient' as const, 'temporary' as const),
  intensity: fc.nat(4),
  period: fc.integer({ min: 1, max: 3 }),
  max: fc.integer({ min: 1, max: 6 }),
  concurrency: fc.integer({ min: 1, max: 3 }),
});
const often = [add, add, add, ready, ready, ready, ready, ready, ready, ends, ends, ends];
const steps = fc.commands([...often, ...often, fails, fails, terminate, terminate, refused, pass, halt], {
  maxCommands: 40,
  size: 'max',
});

describe('a pool in motion', () => {
  it(`agrees with the reference at every step (seed ${SEED})`, { timeout: 60_000 + HISTORIES * 20 }, () => {
    const live = (given: PoolFlags, commands: Iterable<Step>) =>
      fc.modelRun(() => ({ model: new Pair(given), real: null }), commands);
    fc.assert(fc.property(flags, steps, live), { numRuns: HISTORIES, seed: SEED });
  });
});

import { expect } from 'vitest';
import type { NodeInput, SupervisorInput } from '../../src/model/input.js';
import { normaliseNode, normaliseSupervisor } from '../../src/model/normalise.js';
import type { Reason } from '../../src/model/reason.js';
import fc from '../fast-check.js';
import { CRASH } from './harness.js';
import type { Exit, PoolFlags, ReferenceChild, ReferenceFlags, Supervised } from './reference-row.js';
import { type Call, ReferenceTree } from './reference-tree.js';
import { TreeWorld } from './tree-world.js';

/*
 * Histories in motion of a tree: supervisors, and pools, that are children of supervisors, two levels below the root. Starts and stops of agents take
 * time, and ends, calls to each of the supervisors, a halt and the next try of a failed restart come at any moment. After every step the engines and the
 * reference must agree on the answers, and for each supervisor on the order of starts and stops, on which and count, on the status and on its ends.
 */

const REASONS: Record<Exit, Reason> = { normal: { kind: 'normal' }, shutdown: { kind: 'shutdown' }, abnormal: CRASH };

/** The words of the reference for the statuses of an engine that differ. */
const STATUSES: Readonly<Record<string, string>> = { failing: 'stopping' };

/** The engines and the reference, and what the latter has answered so far. */
class Pair {
  readonly lines: string[] = [];
  readonly answers: string[] = [];
  readonly tokens: number[] = [];
  readonly reference = new ReferenceTree();
  readonly world: TreeWorld;
  #stepsAfterEnd = 0;

  constructor(root: Supervised) {
    this.world = new TreeWorld(normaliseSupervisor(below(root) as SupervisorInput));
    this.reference.boot(root);
    this.world.boot();
  }

  /** The root has ended, and has refused calls since. */
  get isOver(): boolean {
    return this.#stepsAfterEnd > 3;
  }

  /** Calls a supervisor, about one of its children or one that it does not have. Returns the call as text. */
  call(at: number, call: Call | { readonly verb: Exclude<Call['verb'], 'add'>; readonly index: number }): string {
    const nodes = [...this.world.nodes().values()];
    const running = nodes.filter(({ engine }) => engine.status !== 'idle' && engine.status !== 'ended');
    // One in ten calls is for any supervisor, even one that does not run.
    const { path, engine } = pick(
      at % 10 === 0 || running.length === 0 ? nodes : running,
      at,
    ) as (typeof nodes)[number];
    const ids = [...engine.which().map(({ id }) => id), 'n'];
    const given: Call = 'index' in call ? { verb: call.verb, id: pick(ids, call.index) as string } : call;
    const index = this.answers.push('pending') - 1;
    this.tokens.push(
      given.verb === 'add'
        ? this.world.add(path, normaliseNode(inputOf(given.child)))
        : this.world.command(path, VERBS[given.verb], given.id),
    );
    this.reference.call(path, given, (answer) => {
      this.answers[index] = answer;
    });
    return `${given.verb} ${path}/${given.verb === 'add' ? textOf(given.child) : given.id}`;
  }

  /** The start or stop of an agent is over. */
  settle(at: number): string {
    const agent = pick(
      this.#agents().filter(({ phase }) => phase !== 'up'),
      at,
    );
    if (!agent) return 'nothing starts or stops';
    this.reference.settle(agent.path, agent.id);
    this.world.settle(agent.path, agent.id);
    return `the ${agent.phase} of ${agent.path}/${agent.id} is over`;
  }

  /** An agent ends; one that starts fails. `isReady`: it was ready before. */
  end(at: number, reason: Exit, isReady: boolean): string {
    const agent = pick(
      this.#agents().filter(({ phase }) => !isReady || phase !== 'starting'),
      at,
    );
    if (!agent) return 'nothing can end';
    this.reference.exit(agent.path, agent.id, reason);
    this.world.settle(agent.path, agent.id, REASONS[reason]);
    return `${agent.path}/${agent.id}, which is ${agent.phase}, ends ${reason}`;
  }

  pass(ms: number): string {
    this.reference.pass(ms);
    this.world.pass(ms);
    return `${ms} ms pass`;
  }

  halt(): string {
    this.reference.halt();
    this.world.halt();
    return 'halt';
  }

  compare(): void {
    const { reference, world } = this;
    if (world.root.engine.status === 'ended') this.#stepsAfterEnd++;
    expect(world.shared.violations).toEqual([]);
    expect(this.tokens.map((token) => world.answer(token))).toEqual(this.answers);
    expect(world.shared.ends.toSorted(byPath)).toEqual(reference.ends.toSorted(byPath));
    const nodes = [...world.nodes().values()].map((node) => {
      const { engine, path, log } = node;
      const status = STATUSES[engine.status] ?? engine.status;
      const rows = engine.which().map((row) => [row.id, row.phase]);
      return [path, { status, log, ...(status !== 'ended' && { rows, count: engine.count() }) }] as const;
    });
    const started = nodes.filter(([, { status }]) => status !== 'idle');
    const references = [...reference.supervisors].map(([path, supervisor]) => {
      const { status, log } = supervisor;
      return [
        path,
        { status, log, ...(status !== 'ended' && { rows: supervisor.which(), count: supervisor.count() }) },
      ];
    });
    expect(Object.fromEntries(started)).toEqual(Object.fromEntries(references));
  }

  #agents(): { path: string; id: string; phase: string }[] {
    return [...this.world.nodes().values()].flatMap(({ path, lives }) =>
      [...lives].map(([id, { phase }]) => ({ path, id, phase })),
    );
  }
}

const VERBS = { terminate: 'stop', restart: 'restart_child', delete: 'delete' } as const;

function pick<T>(list: readonly T[], at: number): T | undefined {
  return list[at % list.length];
}

/** Stable: the ends of one supervisor stay in order. */
function byPath(one: string, other: string): number {
  const [a = '', b = ''] = [one, other].map((text) => text.split(' ')[0]);
  return a < b ? -1 : a > b ? 1 : 0;
}

function inputOf(child: ReferenceChild): NodeInput {
  const { id, restart, significant } = child;
  return { id, restart, significant, ...(child.below ? below(child.below) : { command: ['true'] }) } as NodeInput;
}

function below(given: Supervised): Partial<NodeInput> {
  const { intensity, period, ...flags } = 'pool' in given ? given.pool : given.flags;
  const common = { otpExact: true, maxRestarts: intensity, within: period * 1000 };
  if (!('pool' in given)) return { ...common, ...flags, children: given.children.map(inputOf) } as SupervisorInput;
  const { restart, max, concurrency } = given.pool;
  return { ...common, pool: { max, concurrency, agent: { command: ['true'], restart } } } as Partial<NodeInput>;
}

function textOf({ id, restart, significant, below }: ReferenceChild): string {
  return `${id}:${restart}${significant ? '!' : ''}${below ? ` ${JSON.stringify(below)}` : ''}`;
}

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
  return fc
    .record({ id: fc.constantFrom(...ids), restart, significant: fc.boolean(), ...(below && { below }) })
    .map((given) => ({ ...given, significant: given.significant && given.restart !== 'permanent' }));
}

function flagsOf(strategy: fc.Arbitrary<ReferenceFlags['strategy']>): fc.Arbitrary<ReferenceFlags> {
  return fc.record({
    strategy,
    intensity: fc.nat(3),
    period: fc.integer({ min: 1, max: 3 }),
    autoShutdown: fc.constantFrom('never' as const, 'any_significant' as const, 'all_significant' as const),
  });
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
  const list = fc.uniqueArray(fc.oneof(...children), { minLength: 1, maxLength: 4, selector: ({ id }) => id });
  return fc.record({ flags: flagsOf(strategy), children: list });
}

const agent = childOf(['a', 'b'], null);
const poolChild = childOf(
  ['p'],
  pool.map((flags) => ({ pool: flags })),
);
const lowest = supervisorOf([agent, agent, poolChild]);
const middle = supervisorOf([agent, agent, childOf(['s'], lowest), poolChild]);
const added = fc.oneof(childOf(['a', 'c'], null), childOf(['t'], supervisorOf([agent])));

/** The root, with supervisors and pools on two levels below it. */
export function trees(strategy: ReferenceFlags['strategy']): fc.Arbitrary<Supervised> {
  return supervisorOf(
    [agent, childOf(['s', 't'], middle), childOf(['s', 't'], middle), poolChild],
    fc.constant(strategy),
  );
}

const at = fc.nat(59);
const reason = fc.constantFrom('normal' as const, 'shutdown' as const, 'abnormal' as const, 'abnormal' as const);
const verb = fc.constantFrom('terminate' as const, 'restart' as const, 'delete' as const);
const settle = at.map((n) => step((pair) => pair.settle(n)));
const end = fc.tuple(at, reason).map(([n, why]) => step((pair) => pair.end(n, why, true)));
const fail = fc.tuple(at, reason).map(([n, why]) => step((pair) => pair.end(n, why, false)));
const add = fc.tuple(at, added).map(([n, child]) => step((pair) => pair.call(n, { verb: 'add', child })));
const call = fc.tuple(at, verb, at).map(([n, name, index]) => step((pair) => pair.call(n, { verb: name, index })));
const pass = fc.integer({ min: 0, max: 2500 }).map((ms) => step((pair) => pair.pass(ms)));
const halt = fc.constant(step((pair) => pair.halt()));

const often = [settle, settle, settle, settle, settle, settle, end, end];
const steps = [...often, ...often, ...often, ...often, fail, add, add, add, call, call, call, call, call, pass, pass];

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

import { expect } from 'vitest';
import type { NodeInput, SupervisorInput } from '../../src/model/input.js';
import { normaliseNode, normaliseSupervisor } from '../../src/model/normalise.js';
import type { Reason } from '../../src/model/reason.js';
import { CRASH } from './harness.js';
import type { Exit, ReferenceChild, Supervised } from './reference-row.js';
import { type Call, ReferenceTree } from './reference-tree.js';
import { TreeWorld } from './tree-world.js';

const REASONS: Record<Exit, Reason> = { normal: { kind: 'normal' }, shutdown: { kind: 'shutdown' }, abnormal: CRASH };

/** The words of the reference for the statuses of an engine that differ. */
const STATUSES: Readonly<Record<string, string>> = { failing: 'stopping' };

interface Agent {
  readonly path: string;
  readonly id: string;
  readonly phase: string;
}

/** The engines and the reference, and what the latter has answered so far. */
export class Pair {
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
  call(
    at: number,
    call: Extract<Call, { verb: 'add' }> | { readonly verb: Exclude<Call['verb'], 'add'>; readonly index: number },
  ): string {
    const nodes = [...this.world.nodes().values()];
    const running = nodes.filter(({ engine }) => engine.status !== 'idle' && engine.status !== 'ended');
    // One in ten calls is for any supervisor, even one that does not run.
    const { path, engine } = pick(
      at % 10 === 0 || running.length === 0 ? nodes : running,
      at,
    ) as (typeof nodes)[number];
    const ids = [...engine.which().map(({ id }) => id), 'n'];
    const given: Call =
      'index' in call
        ? { verb: call.verb, id: pick(ids, call.index) as string }
        : {
            verb: 'add',
            child: at % 2 === 0 ? call.child : { ...call.child, after: siblingsFor(this.world, path, at) },
          };
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
    if (agent.phase === 'stuck') return this.#end(agent, 'abnormal');
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
    return agent ? this.#end(agent, reason) : 'nothing can end';
  }

  #end(agent: Agent, reason: Exit): string {
    this.reference.exit(agent.path, agent.id, reason);
    this.world.settle(agent.path, agent.id, REASONS[reason]);
    return `${agent.path}/${agent.id}, which is ${agent.phase}, ends ${reason}`;
  }

  condemn(at: number): string {
    const agent = pick(
      this.#agents().filter(({ phase }) => phase !== 'stuck'),
      at,
    );
    if (!agent) return 'nothing can become a zombie';
    this.reference.condemn(agent.path, agent.id);
    this.world.condemn(agent.path, agent.id);
    return `${agent.path}/${agent.id}, which is ${agent.phase}, cannot be ended`;
  }

  pass(ms: number): string {
    this.reference.pass(ms);
    this.world.pass(ms);
    return `${ms} ms pass`;
  }

  halt(kills: boolean): string {
    this.reference.halt(kills);
    this.world.halt(kills);
    return kills ? 'brutal halt' : 'halt';
  }

  /** A second stop, which kills. */
  hurry(): string {
    const { status } = this.world.root.engine;
    return status === 'stopping' || status === 'failing' ? this.halt(true) : 'there is no stop to hurry';
  }

  compare(): void {
    const { reference, world } = this;
    if (world.root.engine.status === 'ended') this.#stepsAfterEnd++;
    expect(world.shared.violations).toEqual([]);
    expect(this.tokens.map((token) => world.answer(token))).toEqual(this.answers);
    expect(world.shared.ends.toSorted(byPath)).toEqual(reference.ends.toSorted(byPath));
    const nodes = [...world.nodes().values()].map((node) => {
      const { engine, path } = node;
      const log = comparable(node.log);
      const status = STATUSES[engine.status] ?? engine.status;
      const rows = engine.which().map((row) => [row.id, row.phase]);
      return [path, { status, log, ...(status !== 'ended' && { rows, count: engine.count() }) }] as const;
    });
    const started = nodes.filter(([, { status }]) => status !== 'idle');
    const references = [...reference.supervisors].map(([path, supervisor]) => {
      const { status } = supervisor;
      const log = comparable(supervisor.log);
      return [
        path,
        { status, log, ...(status !== 'ended' && { rows: supervisor.which(), count: supervisor.count() }) },
      ];
    });
    expect(Object.fromEntries(started)).toEqual(Object.fromEntries(references));
  }

  #agents(): Agent[] {
    return [...this.world.nodes().values()].flatMap(({ path, lives }) =>
      [...lives].map(([id, { phase }]) => ({ path, id, phase })),
    );
  }
}

/** One sibling that an added child comes after; none where children start in sequence. */
function siblingsFor(world: TreeWorld, path: string, at: number): string[] {
  const node = world.nodes().get(path);
  if (node?.spec.kind !== 'supervisor' || node.spec.start !== 'parallel') return [];
  const sibling = pick(node.engine.which(), at);
  return sibling ? [sibling.id] : [];
}

const VERBS = { terminate: 'stop', kill: 'kill', restart: 'restart_child', delete: 'delete' } as const;

function pick<T>(list: readonly T[], at: number): T | undefined {
  return list[at % list.length];
}

/** Starts between two stops in one order: children that start in parallel have none. Both logs are compared after each step. */
function comparable(log: readonly string[]): string {
  const runs = log.join(' ').split(/ (?=[-!])|(?<=[-!]\w+) /);
  return runs.map((run) => run.split(' ').toSorted().join(' ')).join(' ');
}

/** Stable: the ends of one supervisor stay in order. */
function byPath(one: string, other: string): number {
  const [a = '', b = ''] = [one, other].map((text) => text.split(' ')[0]);
  return a < b ? -1 : a > b ? 1 : 0;
}

function inputOf(child: ReferenceChild): NodeInput {
  const { id, restart, significant, after, brutal } = child;
  const agent = { command: ['true'], ...(brutal && { stop: 'brutal_kill' }) };
  const common = { id, restart, significant, ...(after && { after }) };
  return { ...common, ...(child.below ? below(child.below) : agent) } as NodeInput;
}

function below(given: Supervised): Partial<NodeInput> {
  const { intensity, period, ...flags } = 'pool' in given ? given.pool : given.flags;
  const common = { otpExact: true, maxRestarts: intensity, within: period * 1000 };
  if (!('pool' in given)) return { ...common, ...flags, children: given.children.map(inputOf) } as SupervisorInput;
  const { restart, max, concurrency } = given.pool;
  return { ...common, pool: { max, concurrency, agent: { command: ['true'], restart } } } as Partial<NodeInput>;
}

function textOf({ id, restart, significant, brutal, after, below }: ReferenceChild): string {
  return `${id}:${restart}${significant ? '!' : ''}${brutal ? ' brutal' : ''}${after ? `<${after}` : ''}${below ? ` ${JSON.stringify(below)}` : ''}`;
}

import type { Answer, Fact, Verb } from '../../src/model/fact.js';
import type { Reason } from '../../src/model/reason.js';
import type { NodeSpec, SupervisorSpec } from '../../src/model/spec.js';
import { Node, type Shared } from './tree-node.js';

/** A virtual tree of engines. */
export class TreeWorld {
  readonly shared: Shared = {
    now: 0,
    violations: [],
    ends: [],
    generations: new Map(),
    instances: new Map(),
    deferred: [],
  };
  readonly root: Node;
  readonly #answers = new Map<number, string>();
  #tokens = 0;

  constructor(spec: SupervisorSpec) {
    this.root = new Node(this.shared, spec, '', null, (token, answer) => this.#answered(token, answer));
  }

  boot(): void {
    this.#act(() => this.root.start(1));
  }

  halt(brutal: boolean): void {
    this.#act(() => this.root.halt(brutal));
  }

  /** By path, that of the root is empty. */
  nodes(): ReadonlyMap<string, Node> {
    return new Map([...this.root.nodes()].map((node) => [node.path, node]));
  }

  /** Returns the token of the answer. */
  add(path: string, spec: NodeSpec): number {
    return this.#call(path, (token) => ({ type: 'add', token, spec, at: this.shared.now }));
  }

  command(path: string, verb: Verb, id: string): number {
    return this.#call(path, (token) => ({ type: 'command', token, verb, id, at: this.shared.now }));
  }

  /** The answer in one word: `ok`, a code, or `pending`. */
  answer(token: number): string {
    return this.#answers.get(token) ?? 'pending';
  }

  settle(path: string, id: string, reason?: Reason): void {
    this.#act(() => this.nodes().get(path)?.settle(id, reason));
  }

  condemn(path: string, id: string): void {
    this.#act(() => this.nodes().get(path)?.condemn(id));
  }

  /** The held delays are over; then time passes. */
  pass(ms: number): void {
    for (const node of this.nodes().values()) for (const over of node.held.splice(0)) this.#act(over);
    this.shared.now += ms;
  }

  #call(path: string, fact: (token: number) => Fact): number {
    const token = ++this.#tokens;
    this.#act(() => this.nodes().get(path)?.tell(fact(token)));
    return token;
  }

  #act(act: () => void): void {
    act();
    for (let next = this.shared.deferred.shift(); next; next = this.shared.deferred.shift()) next();
  }

  #answered(token: number, answer: Answer): void {
    if (this.#answers.has(token)) this.shared.violations.push(`token ${token} answered twice`);
    this.#answers.set(token, answer.ok ? 'ok' : answer.code);
  }
}

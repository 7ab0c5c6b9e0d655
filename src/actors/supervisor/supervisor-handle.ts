import { guarded } from '../../contract/clock.js';
import type { SupervisorHandle, SupervisorView } from '../../contract/view.js';
import { SupertreeError } from '../../errors.js';
import type { ChildCount, ChildRow, Verb } from '../../model/fact.js';
import { joinPath } from '../../model/id.js';
import type { NodeInput } from '../../model/input.js';
import { normaliseNode } from '../../model/normalise.js';
import type { NodeSpec } from '../../model/spec.js';
import { invalidSpec, validateChild } from '../../model/validate.js';
import type { World } from '../world.js';
import type { SupervisorNode } from './node.js';

/** The handle of one supervisor or pool: OTP's administration (A1 to A9). */
export class NodeHandle implements SupervisorHandle {
  readonly path: string;
  readonly #world: World;
  readonly #node: () => SupervisorNode;

  constructor(world: World, path: string, node: () => SupervisorNode) {
    this.path = path;
    this.#world = world;
    this.#node = node;
  }

  view(): SupervisorView {
    return this.#node().view();
  }

  has(id: string): boolean {
    return this.#node().childSpec(id) !== undefined;
  }

  add(input?: NodeInput): Promise<string> {
    return guarded(this.#world.clock, `The new child of ${this.path}`, this.#add(input));
  }

  terminate(id: string): Promise<void> {
    return this.#command('stop', id);
  }

  restart(id: string): Promise<void> {
    return this.#command('restart_child', id);
  }

  delete(id: string): Promise<void> {
    return this.#command('delete', id);
  }

  which(): ChildRow[] {
    return this.#node().engine.which();
  }

  whichChild(id: string): ChildRow {
    return this.#node().engine.row(id) ?? this.#notFound(id);
  }

  count(): ChildCount {
    return this.#node().engine.count();
  }

  childSpec(id: string): NodeSpec {
    return this.#node().childSpec(id) ?? this.#notFound(id);
  }

  #specOf(input: NodeInput | undefined): NodeSpec {
    const { spec, engine } = this.#node();
    if (spec.kind === 'pool') {
      if (input === undefined) return spec.template;
      throw new SupertreeError('SIMPLE_ONE_FOR_ONE', { path: this.path, command: 'add with a spec' });
    }
    const isSibling = (id: unknown) => engine.row(id as string) !== undefined;
    const problems = validateChild(input, { autoShutdown: spec.autoShutdown, isSibling });
    if (problems.length > 0) throw invalidSpec(problems);
    return normaliseNode(input as NodeInput);
  }

  async #add(input: NodeInput | undefined): Promise<string> {
    return joinPath(this.path, await this.#node().add(this.#specOf(input)));
  }

  #command(verb: Verb, id: string): Promise<void> {
    const give = async (): Promise<void> => void (await this.#node().command(verb, id));
    return guarded(this.#world.clock, `The ${verb.replace('_child', '')} of ${joinPath(this.path, id)}`, give());
  }

  #notFound(id: string): never {
    throw new SupertreeError('NOT_FOUND', { path: this.path, id });
  }
}

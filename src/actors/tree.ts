import { isMainThread } from 'node:worker_threads';
import { guarded } from '../contract/clock.js';
import type {
  AgentHandle,
  AgentView,
  SupervisorHandle,
  SupervisorView,
  Tree,
  TreeEnd,
  Usage,
} from '../contract/view.js';
import type { Driver } from '../drivers/driver.js';
import { SupertreeError } from '../errors.js';
import { DRIVER_NAMES } from '../model/driver-name.js';
import { parentOf } from '../model/id.js';
import type { SupervisorInput } from '../model/input.js';
import { normaliseSupervisor } from '../model/normalise.js';
import { describeReason, isClean, type Reason } from '../model/reason.js';
import { failureText } from '../model/report.js';
import { reportListener, type Subscription } from '../model/report-selection.js';
import type { NodeSpec, SupervisorSpec } from '../model/spec.js';
import { assertValid } from '../model/validate.js';
import { contextOf, isAtRest, viewOf } from './agent/agent.js';
import { StableAgentHandle } from './agent/agent-handle.js';
import { notifyWatchers } from './agent/waiting.js';
import { createWorld, runsProcesses } from './create-world.js';
import { stopOnSignals } from './program-signals.js';
import { SupervisorActor } from './supervisor/supervisor.js';
import { NodeHandle } from './supervisor/supervisor-handle.js';
import type { TreeOptions } from './tree-options.js';
import type { World } from './world.js';

/**
 * A tree of supervised agents, not started yet. Throws SPEC_INVALID with all problems at once, PORT_RANGE, OPTION_INVALID, and PLATFORM when it contains
 * a command and the system is not Linux. Nothing runs before `start()`.
 */
export function createTree(input: SupervisorInput, options: TreeOptions = {}): Tree {
  assertValid(input);
  const { driver } = options;
  if (typeof driver === 'string' && !DRIVER_NAMES.includes(driver)) {
    throw new SupertreeError('OPTION_INVALID', { option: 'driver', rule: DRIVER_RULE, got: driver });
  }
  if (options.signals === true && !isMainThread) throw new SupertreeError('OPTION_INVALID', NO_SIGNALS);
  const spec = normaliseSupervisor(input);
  if (typeof driver !== 'object' && !runsProcesses() && hasCommand(spec)) {
    throw new SupertreeError('PLATFORM', { platform: process.platform });
  }
  return new SupervisedTree(spec, options);
}

function hasCommand(spec: NodeSpec): boolean {
  if (spec.kind === 'supervisor') return spec.children.some(hasCommand);
  return (spec.kind === 'pool' ? spec.template : spec).body.type === 'command';
}

const DRIVER_RULE = `must be one of ${DRIVER_NAMES.join(', ')}, or a driver`;

const NO_SIGNALS = { option: 'signals', rule: 'must not be true in a worker thread, which receives none', got: true };

class SupervisedTree implements Tree {
  readonly path: string;
  readonly ended: Promise<TreeEnd>;
  readonly #world: World;
  readonly #root: SupervisorActor;
  readonly #drivers: readonly Driver[];
  readonly #signals: boolean;
  #resolveEnded!: (end: TreeEnd) => void;
  #booted: { resolve: () => void; reject: (error: SupertreeError) => void } | null = null;
  #starting: Promise<void> | null = null;
  #over = false;

  constructor(spec: SupervisorSpec, options: TreeOptions) {
    const { world, drivers } = createWorld(spec.id, options, () => this.#over);
    this.path = spec.id;
    this.#world = world;
    this.#drivers = drivers;
    this.#signals = options.signals ?? false;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#root = new SupervisorActor(world, spec, spec.id, {
      ready: () => this.#onReady(),
      stuck: (_, reason) => void this.#onEnded(reason),
      ended: (_, reason) => void this.#onEnded(reason),
    });
  }

  get status(): Tree['status'] {
    return this.#over && this.#root.status === 'idle' ? 'stopped' : this.#root.status;
  }

  /** As in OTP, a supervisor that has ended is gone: a new tree is created in its place. */
  start(): Promise<void> {
    return guarded(this.#world.clock, `The start of ${this.path}`, this.#start());
  }

  async #start(): Promise<void> {
    const { status } = this;
    if (status !== 'idle' && status !== 'booting' && status !== 'running') {
      throw new SupertreeError('TREE_NOT_STARTED', { status });
    }
    if (this.#starting !== null) return this.#starting;
    this.#starting = new Promise((resolve, reject) => {
      this.#booted = { resolve, reject };
    });
    if (this.#signals) void this.ended.then(stopOnSignals((how) => this.stop(how)));
    this.#root.start(1);
    return this.#starting;
  }

  stop(options: { brutal?: boolean } = {}): Promise<TreeEnd> {
    if (this.status === 'idle') void this.#onEnded({ kind: 'shutdown' });
    else this.#root.stop(options.brutal ?? false);
    return guarded(this.#world.clock, `The stop of ${this.path}`, this.ended);
  }

  get size(): number {
    return this.#world.registry.size;
  }

  agents(): AgentView[] {
    return [...this.#root.agents()].map(viewOf);
  }

  agent(ref: string): AgentHandle {
    const agent = this.#world.registry.find(ref);
    const supervisor = parentOf(agent.path) as string;
    return new StableAgentHandle(this.#world, agent, () => this.#world.registry.supervisor(supervisor));
  }

  supervisor(ref: string = this.path): SupervisorHandle {
    const { path } = this.#world.registry.findSupervisor(ref);
    return new NodeHandle(this.#world, path, () => this.#world.registry.supervisor(path));
  }

  view(): SupervisorView {
    return this.#root.view();
  }

  async usage(paths?: readonly string[]): Promise<ReadonlyMap<string, Usage>> {
    const wanted =
      paths ?? [...this.#root.agents()].filter((agent) => contextOf(agent).pid !== null).map((agent) => agent.path);
    return this.#world.monitor.sample(wanted);
  }

  subscribe(...subscription: Subscription): () => void {
    return this.#world.reports.subscribe(reportListener(subscription));
  }

  /** At the end of the block no other code can move a virtual clock, so it is moved here. */
  async [Symbol.asyncDispose](): Promise<void> {
    const stopping = this.stop();
    await (this.#world.clock.until?.(stopping) ?? stopping);
  }

  #onReady(): void {
    this.#booted?.resolve();
    for (const driver of this.#drivers) driver.discardKept?.();
  }

  /** Zombies keep their driver, which watches them further: this is called again when they are gone. */
  async #onEnded(reason: Reason): Promise<void> {
    this.#over = true;
    const left = [...this.#root.agents()].filter((agent) => !isAtRest(agent)).map((agent) => agent.path);
    this.#booted?.reject(this.#bootError(reason));
    this.#world.monitor.close();
    if (left.length === 0) await Promise.all(this.#drivers.map((driver) => driver.close()));
    for (const { record } of this.#root.agents()) notifyWatchers(record);
    this.#resolveEnded({ reason: describeReason(reason), clean: isClean(reason) && left.length === 0, left });
  }

  #bootError(reason: Reason): SupertreeError {
    if (isClean(reason)) return new SupertreeError('SUPERSEDED', { agent: this.path, by: 'a stop' });
    const { failure } = this.#root;
    const child = failure?.path ?? 'its stop';
    const tail = failure?.exit?.tail ?? [];
    const text = failureText(failure)?.slice(`${child} failed: `.length) ?? describeReason(reason);
    return new SupertreeError('BOOT_FAILED', { path: this.path, child, reason: text, tail });
  }
}

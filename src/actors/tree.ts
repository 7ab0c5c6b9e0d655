import { isMainThread } from 'node:worker_threads';
import type { InspectionEvent } from 'xstate';
import { type Clock, guarded, systemClock } from '../contract/clock.js';
import type {
  AgentHandle,
  AgentView,
  SupervisorHandle,
  SupervisorView,
  Tree,
  TreeEnd,
  Usage,
} from '../contract/view.js';
import { createProcessDriver } from '../drivers/choice.js';
import type { Driver } from '../drivers/driver.js';
import { createInProcessDriver } from '../drivers/in-process/in-process.js';
import { messageOf, SupertreeError } from '../errors.js';
import { DRIVER_NAMES, type DriverName } from '../model/driver-name.js';
import { inheritableEnvironment } from '../model/environment.js';
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
import { createAgentLogic } from './agent/effects.js';
import { notifyWatchers } from './agent/waiting.js';
import { deadlineClock } from './deadlines.js';
import { createPorts, type PortOptions, type Ports } from './ports/ports.js';
import { stopOnSignals } from './program-signals.js';
import { Registry } from './registry.js';
import { createReports } from './reports.js';
import { Steps } from './steps.js';
import { SupervisorActor } from './supervisor/supervisor.js';
import { NodeHandle } from './supervisor/supervisor-handle.js';
import { createSupervisorLogic, createSystemRootLogic } from './supervisor/supervisor-logic.js';
import { TimingWheel } from './timing-wheel.js';
import { createMonitor } from './usage/monitor.js';
import type { World } from './world.js';

export interface TreeOptions {
  /** The range that ports are leased from. If not given, from 8100 upwards. */
  readonly ports?: PortOptions;
  /** Agents get it as SUPERTREE_ENDPOINT. If not given, the variable is not set. */
  readonly endpoint?: string;
  /** Receives XState's inspection events of every actor. May throw: the error is reported. If not given, nothing is inspected. */
  readonly inspect?: (event: InspectionEvent) => void;
  /** The interval of samples of agents with limits, in ms. If not given, 2000. */
  readonly samplePeriod?: number;
  /** The clock of the tree. If not given, the machine's. */
  readonly clock?: Clock;
  /** Returns a random number in [0, 1), for the jitter of delays. If not given, Math.random. */
  readonly random?: () => number;
  /** Leases ports instead of `ports`. If not given, each port is verified by binding it on this machine. */
  readonly leases?: Ports;
  /**
   * Whether SIGINT, SIGTERM and SIGHUP stop the tree in reverse order before they end the program. A second one, a second later, kills the remaining
   * agents. When every such tree of the program has ended the signal is raised again, so that it ends the program (a shell sees 128 and its number),
   * unless the program has a listener of its own for it. Not for worker threads, which receive no signals. If not given, false: signals to the program
   * do not affect the tree.
   */
  readonly signals?: boolean;
  /**
   * Runs the commands: `'keeper'`, below a process of its own, which ends them when this program ends, also by SIGKILL (docs/drivers.md); `'local'`, as
   * child processes of this process; or a driver of your own. If not given, `'keeper'` where it can run, else `'local'`, which is reported.
   */
  readonly driver?: DriverName | Driver;
  /** Runs tasks and logics. If not given, this process. */
  readonly bodies?: Driver;
}

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

/** On other systems a tree has only tasks and logics: a command that is added later fails to start, with the reason. */
function runsProcesses(): boolean {
  return process.platform === 'linux';
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
      ready: () => this.#booted?.resolve(),
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

function createWorld(
  root: string,
  options: TreeOptions,
  isOver: () => boolean,
): { world: World; drivers: readonly Driver[] } {
  const clock = options.clock ?? systemClock;
  const reports = createReports(clock);
  const registry = new Registry();
  const reportError = (path: string, thrown: unknown): void => {
    reports.emit(path, { type: 'error', problem: messageOf(thrown) });
  };
  const bodies = options.bodies ?? createInProcessDriver({ clock, report: reportError });
  const { driver } = options;
  const report = (problem: string) => reports.emit(root, { type: 'error', problem });
  const named = (name?: DriverName) =>
    runsProcesses() ? createProcessDriver(name, { clock, tree: root, report }) : bodies;
  const processes = typeof driver === 'object' ? driver : named(driver);
  const deadlines = deadlineClock(clock, processes);
  const world: World = {
    clock,
    deadlines,
    random: options.random ?? Math.random,
    reports,
    reportError,
    registry,
    steps: new Steps(deadlines),
    ports: options.leases ?? createPorts(options.ports ?? {}, clock, (path, body) => reports.emit(path, body)),
    monitor: createMonitor({
      clock,
      membersOf: (path) => registry.agentAt(path)?.body?.members() ?? [],
      onProblem: (problem) => reportError(root, problem),
      ...(processes.readProcesses && { read: processes.readProcesses }),
      ...(options.samplePeriod === undefined ? {} : { period: options.samplePeriod }),
    }),
    wheel: new TimingWheel({ ...deadlines, now: clock.now }, (thrown) => reportError(root, thrown)),
    lineWheel: new TimingWheel(clock, (thrown) => reportError(root, thrown)),
    driverOf: (spec) => (spec.body.type === 'command' ? processes : bodies),
    isOver,
    env: inheritableEnvironment(process.env),
    endpoint: options.endpoint ?? null,
    inspect: options.inspect && isolated(options.inspect, (thrown) => reportError(root, thrown)),
    get logics() {
      return logics;
    },
  };
  const logics = {
    agent: createAgentLogic(world),
    supervisor: createSupervisorLogic(world),
    systemRoot: createSystemRootLogic(world),
  };
  return { world, drivers: [processes, bodies] };
}

/** An error in an inspector would block the actor: XState would never empty its mailbox again. */
function isolated(
  inspect: (event: InspectionEvent) => void,
  reportError: (thrown: unknown) => void,
): (event: InspectionEvent) => void {
  return (event) => {
    try {
      inspect(event);
    } catch (thrown) {
      reportError(thrown);
    }
  };
}

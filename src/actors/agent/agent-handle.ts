import { guarded } from '../../contract/clock.js';
import type {
  AgentHandle,
  AgentView,
  LineItem,
  LinesOptions,
  OutputLine,
  OutputPage,
  OutputQuery,
  WaitOptions,
} from '../../contract/view.js';
import type { Incarnation } from '../../drivers/driver.js';
import { SupertreeError } from '../../errors.js';
import type { AgentState } from '../../model/agent.js';
import type { ExitRecord } from '../../model/exit.js';
import type { Verb } from '../../model/fact.js';
import { isTerminalLength, TERMINAL_LENGTH } from '../../model/process.js';
import { SIGNAL_NAMES, signalName } from '../../model/signal.js';
import type { PauseMode } from '../../model/spec.js';
import type { SupervisorNode } from '../supervisor/node.js';
import type { World } from '../world.js';
import { type Agent, contextOf, stateOf, viewOf } from './agent.js';
import { exitOf, linesOf, type Waits, waitForState } from './agent-waits.js';
import { deliver } from './deliver.js';
import { until } from './waiting.js';

/**
 * The handle of one agent. It looks the agent up for each call, so it outlives a restart of the supervisor; a later, different agent at the same path is
 * not used. For a removed agent the handle still returns its last exit and its output, and a stop resolves at once.
 */
export class StableAgentHandle implements AgentHandle {
  readonly path: string;
  readonly uuid: string;
  readonly #world: World;
  readonly #node: () => SupervisorNode;
  /** The agent at the last successful lookup. */
  #last: Agent;

  constructor(world: World, agent: Agent, node: () => SupervisorNode) {
    this.path = agent.path;
    this.uuid = agent.uuid;
    this.#world = world;
    this.#node = node;
    this.#last = agent;
  }

  view(): AgentView {
    return viewOf(this.#known());
  }

  get exit(): Promise<ExitRecord> {
    const exit = exitOf(this.#waits());
    // A caller may read the property without awaiting it: its rejection must not be unhandled.
    exit.catch(() => {});
    return exit;
  }

  waitFor(state: AgentState | readonly AgentState[], options: WaitOptions = {}): Promise<AgentView> {
    const wait = async (): Promise<AgentView> => waitForState(this.#waits(), state, options);
    return this.#guarded(`wait for the state ${[state].flat().join(' or ')}`, wait());
  }

  start(): Promise<void> {
    return this.#command('start');
  }

  stop(): Promise<void> {
    return this.#isThere() ? this.#command('stop') : Promise.resolve();
  }

  kill(): Promise<void> {
    return this.#isThere() ? this.#command('kill') : Promise.resolve();
  }

  restart(): Promise<void> {
    return this.#command('restart');
  }

  pause(mode?: PauseMode): Promise<void> {
    return this.#guarded('pause', this.#pause(mode));
  }

  resume(): Promise<void> {
    return this.#guarded('resume', this.#resume());
  }

  async #pause(mode: PauseMode | undefined): Promise<void> {
    await NEXT_MICROTASK;
    const agent = this.#agent('pause');
    const { incarnation, pauseMode } = contextOf(agent);
    const wanted = mode ?? agent.spec.pause;
    if (stateOf(agent) === 'paused' && pauseMode === wanted && !isFreezing(agent)) return;
    const { clock } = this.#world;
    const event = { type: 'PAUSE', mode: wanted, at: clock.wall(), now: clock.now() } as const;
    const isPausing = wanted === 'forced' && isFreezing(agent);
    if (!isPausing && !agent.ref.getSnapshot().can(event)) throw this.#invalid('pause', agent);
    if (wanted === 'forced' && agent.spec.body.type !== 'command') throw this.#unsupported('a forced pause');
    if (wanted === 'cooperative' && agent.spec.process.stdin === 'closed') {
      throw this.#unsupported('a cooperative pause, because its standard input is closed');
    }
    if (!isPausing) deliver(this.#world, agent, event);
    await until(agent.record, () => this.#pauseOutcome(agent, incarnation, wanted));
  }

  async #resume(): Promise<void> {
    await NEXT_MICROTASK;
    const agent = this.#agent('resume');
    const state = stateOf(agent);
    if (state === 'running' && !isFreezing(agent)) return;
    if (state !== 'paused' && state !== 'running') throw this.#invalid('resume', agent);
    deliver(this.#world, agent, { type: 'RESUME', now: this.#world.clock.now() });
    await until(agent.record, () => (stateOf(agent) === 'running' ? true : this.#interrupted('resume', agent)));
    // Its driver may be another process, which has not read the command yet.
    await new Promise<void>((resolve) => this.#world.deadlines.caughtUp(resolve));
  }

  /** SIGSTOP and SIGCONT are a pause and a resume: otherwise the agent's state would be wrong. */
  async signal(signal: string): Promise<void> {
    const name = signalName(signal);
    if (name === null) throw new SupertreeError('SIGNAL_UNKNOWN', { signal, known: SIGNAL_NAMES.join(', ') });
    const state = stateOf(this.#agent('signal'));
    if (name === 'SIGSTOP') return this.pause('forced');
    if (name === 'SIGCONT' && state === 'paused') return this.resume();
    this.#body(`signal`).signal(name);
  }

  write(data: string | Uint8Array): Promise<number> {
    return this.#guarded('input', this.#write(data));
  }

  async #write(data: string | Uint8Array): Promise<number> {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    await this.#body('write to').write(bytes);
    return bytes.byteLength;
  }

  async endInput(): Promise<void> {
    this.#body('close the input of').endInput();
  }

  async resize(columns: number, rows: number): Promise<void> {
    for (const [option, got] of Object.entries({ columns, rows })) {
      if (!isTerminalLength(got)) throw new SupertreeError('OPTION_INVALID', { option, rule: TERMINAL_LENGTH, got });
    }
    if (this.#agent('resize').spec.process.stdin !== 'pty')
      throw new SupertreeError('TERMINAL_ABSENT', { agent: this.path });
    this.#body('resize').resize?.({ columns, rows });
  }

  output(query: OutputQuery = {}): OutputPage {
    return this.#known().output.page(query);
  }

  lines(options: LinesOptions = {}): AsyncIterableIterator<LineItem> {
    return linesOf(this.#waits(), options);
  }

  onOutput(listener: (line: OutputLine) => void): () => void {
    return this.#known().output.onLine(listener);
  }

  #command(verb: Verb): Promise<void> {
    const give = async (): Promise<void> => void (await this.#node().command(verb, this.#agent(verb).id));
    return this.#guarded(verb, give());
  }

  #guarded<T>(operation: string, outcome: Promise<T>): Promise<T> {
    return guarded(this.#world.clock, `The ${operation} of ${this.path}`, outcome);
  }

  #waits(): Waits {
    return { world: this.#world, record: this.#known().record, agent: () => this.#known() };
  }

  #known(): Agent {
    this.#last = this.#world.registry.agentOf(this.uuid) ?? this.#last;
    return this.#last;
  }

  #isThere(): boolean {
    return this.#world.registry.agentOf(this.uuid) !== undefined;
  }

  /** Throws INVALID_STATE when it was removed. */
  #agent(command: string): Agent {
    const agent = this.#known();
    if (!this.#isThere()) throw this.#invalid(command, agent);
    return agent;
  }

  #body(command: string): Incarnation {
    const agent = this.#agent(command);
    if (agent.body === null || contextOf(agent).exit !== null) throw this.#invalid(command, agent);
    return agent.body;
  }

  #pauseOutcome(agent: Agent, incarnation: number, wanted: PauseMode): true | Error | undefined {
    const context = contextOf(agent);
    const state = stateOf(agent);
    if (context.incarnation !== incarnation) return this.#superseded('a restart');
    if (isFreezing(agent)) return undefined;
    if (state === 'paused' && context.pauseMode === wanted) return true;
    if (context.pauseProblem !== null && RUNNING_STATES.has(state)) return this.#unfrozen(context.pauseProblem);
    return state === 'running' ? this.#superseded('a resume') : this.#interrupted('pause', agent);
  }

  #unsupported(what: string): SupertreeError {
    return new SupertreeError('UNSUPPORTED', { agent: this.path, what });
  }

  #unfrozen(problem: string): SupertreeError {
    return new SupertreeError('PAUSE_FAILED', { agent: this.path, problem });
  }

  #interrupted(command: string, agent: Agent): SupertreeError {
    return contextOf(agent).commanded ? this.#superseded('a stop') : this.#invalid(command, agent);
  }

  #superseded(by: string): SupertreeError {
    return new SupertreeError('SUPERSEDED', { agent: this.path, by });
  }

  /** Uses the agent of the command: it may have been removed by now. */
  #invalid(command: string, agent: Agent): SupertreeError {
    const state = stateOf(agent);
    return new SupertreeError('INVALID_STATE', { command, agent: this.path, state });
  }
}

/** The states in which a forced pause can have failed: from `paused`, it was added to a cooperative one. */
const RUNNING_STATES: ReadonlySet<AgentState> = new Set(['running', 'paused']);

/** SIGSTOP was sent to its processes, and some are not seen stopped yet. */
function isFreezing({ ref }: Agent): boolean {
  const snapshot = ref.getSnapshot();
  return snapshot.matches({ running: 'freezing' }) || snapshot.matches({ paused: { cooperative: 'freezing' } });
}

/** Awaited before the chart is read: the caller may be a listener of reports, called while effects of this agent are performed. */
const NEXT_MICROTASK = Promise.resolve();

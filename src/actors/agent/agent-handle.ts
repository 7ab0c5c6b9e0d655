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
import { SIGNAL_NAMES, signalName } from '../../model/signal.js';
import type { PauseMode } from '../../model/spec.js';
import type { SupervisorNode } from '../supervisor/node.js';
import type { World } from '../world.js';
import { deliver } from './agent.js';
import { exitOf, linesOf, type Waits, waitForState } from './agent-waits.js';
import { type AgentCell, viewOf } from './cell.js';
import { until } from './waiting.js';

/**
 * The hand on one agent. It looks the agent up each time, so it outlives a restart of the supervisor; whoever comes to the same path
 * later is somebody else. Of one that was removed it can still be read how it ended and what it printed, and it is stopped for good.
 */
export class CellHandle implements AgentHandle {
  readonly path: string;
  readonly uuid: string;
  readonly #world: World;
  readonly #node: () => SupervisorNode;
  /** The agent as it was when it was last there. */
  #last: AgentCell;

  constructor(world: World, cell: AgentCell, node: () => SupervisorNode) {
    this.path = cell.path;
    this.uuid = cell.uuid;
    this.#world = world;
    this.#node = node;
    this.#last = cell;
  }

  view(): AgentView {
    return viewOf(this.#known());
  }

  get exit(): Promise<ExitRecord> {
    const exit = exitOf(this.#waits());
    // Who reads the property need not await it; who awaits it is told all the same.
    exit.catch(() => {});
    return exit;
  }

  async waitFor(state: AgentState | readonly AgentState[], options: WaitOptions = {}): Promise<AgentView> {
    return waitForState(this.#waits(), state, options);
  }

  start(): Promise<void> {
    return this.#command('start');
  }

  async stop(): Promise<void> {
    if (this.#isThere()) await this.#command('stop');
  }

  async kill(): Promise<void> {
    if (this.#isThere()) await this.#command('kill');
  }

  restart(): Promise<void> {
    return this.#command('restart');
  }

  async pause(mode?: PauseMode): Promise<void> {
    await ASIDE;
    const cell = this.#cell('pause');
    const wanted = mode ?? cell.spec.pause;
    if (cell.state === 'paused' && cell.context.pauseMode === wanted) return;
    const incarnation = cell.context.incarnation;
    const event = { type: 'PAUSE', mode: wanted, at: this.#world.clock.wall() } as const;
    const underWay = wanted === 'forced' && isFreezing(cell);
    if (!underWay && !cell.ref.getSnapshot().can(event)) throw this.#invalid('pause', cell);
    if (wanted === 'forced' && cell.spec.body.type !== 'command') {
      throw new SupertreeError('UNSUPPORTED', { agent: this.path, what: 'a forced pause' });
    }
    cell.unfrozen = null;
    if (!underWay) deliver(this.#world, cell, event);
    await until(cell.identity, () => this.#pauseOutcome(cell, incarnation, wanted));
  }

  async resume(): Promise<void> {
    await ASIDE;
    const cell = this.#cell('resume');
    if (cell.state === 'running' && !isFreezing(cell)) return;
    if (cell.state !== 'paused' && cell.state !== 'running') throw this.#invalid('resume', cell);
    cell.unfrozen ??= '';
    deliver(this.#world, cell, { type: 'RESUME' });
    await until(cell.identity, () => (cell.state === 'running' ? true : this.#overtaken('resume', cell)));
  }

  /** SIGSTOP and SIGCONT are a pause and a resume: otherwise the state that is told would be wrong. */
  async signal(signal: string): Promise<void> {
    const name = signalName(signal);
    if (name === null) throw new SupertreeError('SIGNAL_UNKNOWN', { signal, known: SIGNAL_NAMES.join(', ') });
    const { state } = this.#cell('signal');
    if (name === 'SIGSTOP') return this.pause('forced');
    if (name === 'SIGCONT' && state === 'paused') return this.resume();
    this.#body(`signal`).signal(name);
  }

  async write(data: string | Uint8Array): Promise<number> {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    await this.#body('write to').write(bytes);
    return bytes.byteLength;
  }

  async endInput(): Promise<void> {
    this.#body('close the input of').endInput();
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

  async #command(verb: Verb): Promise<void> {
    await this.#node().command(verb, this.#cell(verb).id);
  }

  #waits(): Waits {
    return { world: this.#world, identity: this.#known().identity, cell: () => this.#known() };
  }

  #known(): AgentCell {
    this.#last = this.#world.registry.agentOf(this.uuid) ?? this.#last;
    return this.#last;
  }

  #isThere(): boolean {
    return this.#world.registry.agentOf(this.uuid) !== undefined;
  }

  /** Throws INVALID_STATE when it was removed. */
  #cell(command: string): AgentCell {
    const cell = this.#known();
    if (!this.#isThere()) throw this.#invalid(command, cell);
    return cell;
  }

  #body(command: string): Incarnation {
    const cell = this.#cell(command);
    if (cell.body === null || cell.context.exit !== null) throw this.#invalid(command, cell);
    return cell.body;
  }

  #pauseOutcome(cell: AgentCell, incarnation: number, wanted: PauseMode): true | Error | undefined {
    if (cell.context.incarnation !== incarnation) return this.#superseded('a restart');
    if (isFreezing(cell)) return undefined;
    if (cell.state === 'paused' && cell.context.pauseMode === wanted) return true;
    if (cell.unfrozen && RUNS.has(cell.state)) return this.#unfrozen(cell.unfrozen);
    return cell.state === 'running' ? this.#superseded('a resume') : this.#overtaken('pause', cell);
  }

  #unfrozen(problem: string): SupertreeError {
    return new SupertreeError('PAUSE_FAILED', { agent: this.path, problem });
  }

  #overtaken(command: string, cell: AgentCell): SupertreeError {
    return cell.context.commanded ? this.#superseded('a stop') : this.#invalid(command, cell);
  }

  #superseded(by: string): SupertreeError {
    return new SupertreeError('SUPERSEDED', { agent: this.path, by });
  }

  /** Looks at the very agent that was asked: by now it may have been removed. */
  #invalid(command: string, { state }: AgentCell): SupertreeError {
    return new SupertreeError('INVALID_STATE', { command, agent: this.path, state });
  }
}

/** Here a forced pause can have failed: in `paused` it was to come on top of a cooperative one. */
const RUNS: ReadonlySet<AgentState> = new Set(['running', 'paused']);

/** Its processes were told to stop in place and are not all seen stopped yet. */
function isFreezing({ ref }: AgentCell): boolean {
  const snapshot = ref.getSnapshot();
  return snapshot.matches({ running: 'freezing' }) || snapshot.matches({ paused: { cooperative: 'freezing' } });
}

/** Awaited by who looks at the chart: the caller may be a listener of reports, within a transition of this very agent. */
const ASIDE = Promise.resolve();

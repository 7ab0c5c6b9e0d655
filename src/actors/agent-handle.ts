import { SupertreeError } from '../errors.js';
import type { Verb } from '../model/fact.js';
import { SIGNAL_NAMES, signalName } from '../model/signal.js';
import type { PauseMode } from '../model/spec.js';
import { deliver } from './agent.js';
import { type AgentCell, viewOf } from './cell.js';
import type { Incarnation } from './driver.js';
import type { SupervisorNode } from './node.js';
import type { AgentHandle, AgentView, OutputLine, OutputPage, OutputQuery } from './view.js';
import { until } from './waiting.js';
import type { World } from './world.js';

/** The hand on one agent. It looks the agent up by path each time, so it outlives a restart of the supervisor. */
export class CellHandle implements AgentHandle {
  readonly path: string;
  readonly uuid: string;
  readonly #world: World;
  readonly #node: () => SupervisorNode;

  constructor(world: World, cell: AgentCell, node: () => SupervisorNode) {
    this.path = cell.path;
    this.uuid = cell.uuid;
    this.#world = world;
    this.#node = node;
  }

  view(): AgentView {
    return viewOf(this.#cell());
  }

  start(): Promise<void> {
    return this.#command('start');
  }

  stop(): Promise<void> {
    return this.#command('stop');
  }

  kill(): Promise<void> {
    return this.#command('kill');
  }

  restart(): Promise<void> {
    return this.#command('restart');
  }

  async pause(mode?: PauseMode): Promise<void> {
    await ASIDE;
    const cell = this.#cell();
    const wanted = mode ?? cell.spec.pause;
    if (cell.state === 'paused' && cell.context.pauseMode === wanted) return;
    const incarnation = cell.context.incarnation;
    const event = { type: 'PAUSE', mode: wanted, at: this.#world.clock.wall() } as const;
    const underWay = wanted === 'forced' && isFreezing(cell);
    if (!underWay && !cell.ref.getSnapshot().can(event)) throw this.#invalid('pause');
    if (wanted === 'forced' && cell.spec.body.type !== 'command') {
      throw new SupertreeError('UNSUPPORTED', { agent: this.path, what: 'a forced pause' });
    }
    if (!underWay) deliver(this.#world, cell, event);
    await until(cell, () => this.#pauseOutcome(cell, incarnation, wanted));
  }

  async resume(): Promise<void> {
    await ASIDE;
    const cell = this.#cell();
    if (cell.state === 'running' && !isFreezing(cell)) return;
    if (cell.state !== 'paused' && cell.state !== 'running') throw this.#invalid('resume');
    deliver(this.#world, cell, { type: 'RESUME' });
    await until(cell, () => (cell.state === 'running' ? true : this.#invalid('resume')));
  }

  /** SIGSTOP and SIGCONT are a pause and a resume: otherwise the state that is told would be wrong. */
  async signal(signal: string): Promise<void> {
    const name = signalName(signal);
    if (name === null) throw new SupertreeError('SIGNAL_UNKNOWN', { signal, known: SIGNAL_NAMES.join(', ') });
    const { state } = this.#cell();
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
    return this.#cell().output.page(query);
  }

  onOutput(listener: (line: OutputLine) => void): () => void {
    return this.#cell().output.onLine(listener);
  }

  async #command(verb: Verb): Promise<void> {
    const cell = this.#cell();
    await this.#node().command(verb, cell.id);
  }

  #cell(): AgentCell {
    return this.#world.registry.find(this.path);
  }

  #body(command: string): Incarnation {
    const { body, context } = this.#cell();
    if (body === null || context.exit !== null) throw this.#invalid(command);
    return body;
  }

  #pauseOutcome(cell: AgentCell, incarnation: number, wanted: PauseMode): true | Error | undefined {
    if (cell.context.incarnation !== incarnation) return this.#invalid('pause');
    if (isFreezing(cell)) return undefined;
    return cell.state === 'paused' && cell.context.pauseMode === wanted ? true : this.#invalid('pause');
  }

  #invalid(command: string): SupertreeError {
    const { state } = this.#cell();
    return new SupertreeError('INVALID_STATE', { command, agent: this.path, state });
  }
}

/** Its processes were told to stop in place and are not all seen stopped yet. */
function isFreezing({ ref }: AgentCell): boolean {
  const snapshot = ref.getSnapshot();
  return snapshot.matches({ running: 'freezing' }) || snapshot.matches({ paused: { cooperative: 'freezing' } });
}

/** Awaited by who looks at the chart: the caller may be a listener of reports, within a transition of this very agent. */
const ASIDE = Promise.resolve();

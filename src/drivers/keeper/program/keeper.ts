import { constants } from 'node:os';
import { fromKeeper } from '../protocol/codec.js';
import type { FromKeeper, KeeperSettings } from '../protocol/messages.js';
import { within } from '../within.js';
import { Agent } from './agent.js';
import { Connection } from './connection.js';
import type { Hands } from './hands.js';
import type { ChosenHands } from './hands-choice.js';
import type { AgentOrder, SpawnCommand } from './order.js';
import type { Delivered } from './program-link.js';

/** The parent of all agents of one tree: starts, reaps and ends them on behalf of the program above, and ends them when that is gone. */
export class Keeper {
  readonly #agents = new Map<number, Agent>();
  readonly #hands: Hands;
  /** That to the program above. */
  readonly connection: Connection;
  readonly #keeps: boolean;
  /** What programs have left for their successors. */
  readonly #entries = new Map<string, Uint8Array>();
  readonly #ended: () => void;
  #isEnding = false;
  /** The program above needs no successor. */
  #isDone = false;

  /** `ended` is called once, when no process is left. */
  constructor(settings: KeeperSettings, { hands, weakness }: ChosenHands, ended: () => void) {
    this.#hands = hands;
    this.#ended = ended;
    this.#keeps = settings.keep !== null;
    const welcome = { type: 'welcome', pid: process.pid, isBranded: hands.isBranded, weakness } as const;
    this.connection = new Connection(settings, welcome, {
      welcomed: () => this.#handOver(),
      message: (message) => this.#receive(message),
      drained: () => this.#readOn(),
      closed: () => this.#abandoned(),
    });
  }

  /**
   * Ends all agents by their stop stages, then every other child. No agent can be started from now on. The last agent is asked first, and the next one when
   * it is gone. After the time of the longest first stage all others are asked at once: many agents that ignore their signals take no longer than two.
   */
  end(): void {
    this.#readOn();
    if (this.#isEnding) return;
    this.#isEnding = true;
    void this.#end();
  }

  /** Reports an error of the keeper itself. */
  failed(thrown: unknown): void {
    this.problem(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
  }

  /** Reports a problem that belongs to no agent. */
  problem(text: string): void {
    this.#send({ type: 'problem', text });
  }

  #receive(message: Delivered): void {
    switch (message.type) {
      case 'hello':
        return this.problem('a second hello');
      case 'start':
        return this.#start(message);
      case 'ping':
        return this.#answer(message.round);
      case 'look':
        return this.#hands.look();
      case 'remember':
        return void this.#entries.set(message.key, message.value);
      case 'forget':
        return void this.#entries.delete(message.key);
      case 'end':
        this.#isDone = true;
        return;
      case 'discard':
        return this.#discard(message.agent);
      default:
        return this.#command(message);
    }
  }

  #command(message: Command): void {
    // Of an agent that is forgotten the program above has had the last record.
    const agent = this.#agents.get(message.agent);
    if (agent) (COMMANDS[message.type] as (agent: Agent, message: Command) => void)(agent, message);
  }

  #start({ argv, env, cwd, ...order }: AgentOrder & SpawnCommand): void {
    if (this.#agents.has(order.agent)) return this.problem(`agent ${order.agent} is started twice`);
    const agent = new Agent(order, {
      hands: this.#hands,
      outlet: this.connection,
      keeps: this.#keeps,
      forgotten: () => this.#agents.delete(order.agent),
    });
    this.#agents.set(order.agent, agent);
    agent.start({ argv, env, cwd }, this.#isEnding ? constants.errno.ECANCELED : 0);
  }

  #discard(number: number): void {
    const agent = this.#agents.get(number);
    agent?.discard();
    if (agent) void this.#endOne(agent);
  }

  /** Reports to a program what an earlier one has left. */
  #handOver(): void {
    for (const [key, value] of this.#entries) this.#send({ type: 'remembered', key, value });
    for (const agent of this.#agents.values()) this.#send(agent.kept());
    this.#send({ type: 'complete' });
  }

  /** The program above is gone. */
  #abandoned(): void {
    const isKept = this.#agents.size > 0 || this.#entries.size > 0;
    if (!this.#keeps || this.#isDone || this.#isEnding || !isKept) return this.end();
    for (const agent of this.#agents.values()) agent.abandon();
  }

  #answer(round: number): void {
    this.#hands.caughtUp(() => this.#send({ type: 'pong', round }));
  }

  #readOn(): void {
    for (const agent of this.#agents.values()) agent.readOn();
  }

  async #end(): Promise<void> {
    const agents = [...this.#agents.values()].reverse();
    const until =
      performance.now() +
      Math.min(LONGEST_ORDER, Math.max(0, ...agents.map(({ order }) => order.closeInput + order.ask)));
    const ends: Promise<void>[] = [];
    for (const agent of agents) {
      const end = this.#endOne(agent);
      ends.push(end);
      const left = until - performance.now();
      if (left > 0) await within(left, end, undefined);
    }
    await Promise.all(ends);
    await this.#hands.killRest();
    this.connection.close();
    this.#ended();
  }

  async #endOne(agent: Agent): Promise<void> {
    const { closeInput, signal, ask, insist } = agent.order;
    if (closeInput > 0) {
      agent.thaw();
      agent.endInput();
      if (await agent.isGoneWithin(closeInput)) return;
    }
    if (ask > 0) agent.ask(signal);
    if (ask > 0 && (await agent.isGoneWithin(ask))) return;
    agent.kill();
    await agent.isGoneWithin(insist);
  }

  #send(message: FromKeeper): void {
    this.connection.send(fromKeeper.encode(message));
  }
}

type Command = Exclude<
  Delivered,
  { type: 'hello' | 'start' | 'ping' | 'remember' | 'forget' | 'end' | 'discard' | 'look' }
>;

const COMMANDS: { readonly [T in Command['type']]: (agent: Agent, message: Extract<Command, { type: T }>) => void } = {
  ask: (agent, { signal, after }) => agent.stages.run(after, () => agent.ask(signal)),
  kill: (agent, { after }) => agent.stages.run(after, () => agent.kill()),
  signal: (agent, { signal }) => agent.signal(signal),
  freeze: (agent, { round }) => agent.freeze(round),
  thaw: (agent) => agent.thaw(),
  input: (agent, { bytes }) => agent.input(bytes),
  endInput: (agent, { after }) => agent.stages.run(after, () => agent.endInput()),
  resize: (agent, size) => agent.resize(size),
  drain: (agent) => agent.drain(),
  acknowledge: (agent, { record }) => agent.acknowledge(record),
  adopt: (agent) => agent.adopt(),
};

/** How long agents are asked one after another at most, in ms. */
const LONGEST_ORDER = 60_000;

import { send } from '../../local/signals.js';
import { afterTurns } from '../../turns.js';
import { inheritedLimits } from '../native/brand.js';
import { becomeSubreaper } from '../native/subreaper.js';
import { type Reaped, reapOne } from '../native/wait.js';
import { BrandSpace } from './brand-space.js';
import { Children } from './children.js';
import type { BodyListener, Hands, MakeHands } from './hands.js';
import { NativeBody, type NativeContext } from './native-body.js';
import { NotifySockets } from './notify-sockets.js';
import type { AgentOrder, SpawnCommand } from './order.js';

/** Makes this process a subreaper. Throws KEEPER_UNAVAILABLE where the kernel refuses that. */
export const nativeHands: MakeHands = (problem) => {
  becomeSubreaper();
  return new NativeHands(problem);
};

/** Spawns by posix_spawn(3) and reaps by waitpid(2): every process of an agent is a child of this process, or below one. */
class NativeHands implements Hands {
  readonly isBranded: boolean;
  readonly #context: NativeContext;
  readonly #children: Children<NativeBody>;

  constructor(problem: (text: string) => void) {
    const brands = new BrandSpace(inheritedLimits());
    this.isBranded = brands.isUsable;
    this.#children = new Children(brands, problem);
    this.#context = { children: this.#children, sockets: new NotifySockets(), problem };
    process.on('SIGCHLD', () => this.#reap());
  }

  start(order: AgentOrder, command: SpawnCommand, listener: BodyListener): void {
    new NativeBody(order, this.#context, listener).start(command);
  }

  /** Nothing to do: orphans come to this process, whoever has seen them. */
  look(): void {}

  /** In the first turn pipes are read and children reaped; the end of one is reported two turns later. */
  caughtUp(done: () => void): void {
    this.#context.sockets.read();
    afterTurns(TURNS, done);
  }

  async killRest(): Promise<void> {
    const until = performance.now() + REST_TIMEOUT;
    for (this.#children.list(); !this.#children.isEmpty && performance.now() < until; this.#children.list()) {
      for (const pid of this.#children.pids()) send(pid, 'SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, REST_PERIOD));
      this.#reap();
    }
  }

  /** The kernel merges signals: each one stands for all children that have ended. Those that they left are listed before anyone is called gone. */
  #reap(): void {
    const reaped: (Reaped & { body: NativeBody | null })[] = [];
    for (let child = reapOne(); child !== null; child = reapOne())
      reaped.push({ ...child, body: this.#children.reaped(child.pid) });
    if (reaped.length > 0) this.#children.list();
    for (const { body, pid, status } of reaped) body?.reaped(pid, status);
  }
}

/** The turns of the event loop after which what had happened before is reported. */
const TURNS = 4;

/** How long children are killed that belong to no agent, and how often, in ms. */
const REST_TIMEOUT = 5000;
const REST_PERIOD = 10;

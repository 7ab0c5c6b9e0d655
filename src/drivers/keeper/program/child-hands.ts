import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { systemClock } from '../../../contract/clock.js';
import { Census } from '../../local/census.js';
import { LookQueue } from '../../local/look-queue.js';
import { NOTIFY_FD } from '../../local/notify-channel.js';
import { discard } from '../../local/spawn.js';
import { afterLooks, type Watch, WatchedTree } from '../../local/watched-tree.js';
import { readStat } from '../../proc/proc.js';
import { STREAM } from '../protocol/messages.js';
import type { OpenOutput } from './agent-output.js';
import type { Birth, Body, BodyListener, Hands, MakeHands } from './hands.js';
import type { Input } from './input.js';
import { InputPipe } from './input-pipe.js';
import type { AgentOrder, SpawnCommand } from './order.js';

/** The hands without native code: descendants are looked for in /proc, as the driver `local` does. */
export const childHands: MakeHands = () => new ChildHands();

class ChildHands implements Hands {
  readonly isBranded = false;
  readonly #watch: Watch;
  readonly #trees = new Set<WatchedTree>();

  constructor() {
    const census = new Census();
    this.#watch = { clock: systemClock, census, looks: new LookQueue(systemClock, census) };
  }

  start(order: AgentOrder, command: SpawnCommand, listener: BodyListener): void {
    const child = spawnChild(order, command);
    if (typeof child === 'number') return listener.failed(child);
    child.on('error', (error) => {
      if (child.pid !== undefined) return; // a signal that could not be sent
      discard(child);
      listener.failed(errnoOf(error));
    });
    if (child.pid !== undefined) this.#spawned(child, child.pid, order, listener);
  }

  look(): void {
    this.#watch.census.scan();
  }

  caughtUp(done: () => void): void {
    afterLooks(
      () => [...this.#trees],
      () => this.#watch.looks,
      done,
    );
  }

  async killRest(): Promise<void> {
    this.#watch.census.touch();
    for (const tree of this.#trees) tree.killNow();
  }

  #spawned(child: ChildProcess, pid: number, order: AgentOrder, listener: BodyListener): void {
    const tree = this.#treeOf(pid, order.token, listener);
    if (tree === null) {
      child.kill('SIGKILL');
      discard(child);
      return listener.failed(constants.errno.ESRCH);
    }
    this.#trees.add(tree);
    child.on('exit', (code, signal) => {
      tree.reaped();
      listener.ended(signal === null ? (code ?? 0) << 8 : constants.signals[signal]);
    });
    listener.spawned(new ChildBody(child, tree, order, () => this.#trees.delete(tree)));
  }

  /** `null` where /proc does not show the process. */
  #treeOf(pid: number, token: string, listener: BodyListener): WatchedTree | null {
    try {
      return new WatchedTree(pid, token, this.#watch, () => listener.emptied());
    } catch {
      return null;
    }
  }
}

class ChildBody implements Body {
  readonly birth: Birth;
  readonly outputs: readonly (readonly [number, OpenOutput])[];
  readonly #child: ChildProcess;
  readonly #tree: WatchedTree;
  readonly #mainOnly: boolean;
  readonly #released: () => void;

  constructor(child: ChildProcess, tree: WatchedTree, { mainOnly }: AgentOrder, released: () => void) {
    const pid = child.pid!;
    const { stdout, stderr, stdio } = child;
    const streams = [
      [STREAM.stdout, stdout],
      [STREAM.stderr, stderr],
      [STREAM.notify, stdio[NOTIFY_FD] as Readable | undefined],
    ] as const;
    this.birth = { pid, ticks: readStat(pid)?.startTicks ?? 0, brand: '', at: Date.now() };
    this.outputs = streams.flatMap(([stream, pipe]) => (pipe ? [[stream, opener(pipe)] as const] : []));
    this.#child = child;
    this.#tree = tree;
    this.#mainOnly = mainOnly;
    this.#released = released;
  }

  openInput(taken: (errno: number) => void): Input {
    return new InputPipe(this.#child.stdin, taken);
  }

  ask(signal: number): void {
    this.#tree.ask(signal, this.#mainOnly);
  }

  kill(): void {
    this.#tree.kill();
  }

  signal(signal: number): void {
    this.#tree.signalGroup(signal);
  }

  freeze(done: (problem: string | null) => void): void {
    this.#tree.freeze(done);
  }

  thaw(): void {
    this.#tree.thaw();
  }

  /** It has no NOTIFY_SOCKET. */
  readOn(): void {}

  afterMain(then: (isEmpty: boolean) => void): void {
    this.#tree.afterNextLook(then);
  }

  release(): void {
    this.#tree.release();
    this.#released();
  }
}

/** A child, which has no pid and an error later when it does not run; or the errno. */
function spawnChild({ stdin, notify }: AgentOrder, { argv, env, cwd }: SpawnCommand): ChildProcess | number {
  const [program = '', ...args] = stringsIn(argv);
  const variables = stringsIn(env).map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]);
  try {
    return spawn(program, args, {
      env: Object.fromEntries(variables),
      detached: true,
      stdio: [stdin === 'closed' ? 'ignore' : 'pipe', 'pipe', 'pipe', ...(notify ? (['pipe'] as const) : [])],
      ...(cwd !== null && { cwd }),
    });
  } catch (thrown) {
    return errnoOf(thrown);
  }
}

/** The strings of a block, each ended by a null byte. */
function stringsIn(block: Uint8Array): string[] {
  return Buffer.from(block).toString().split('\0').slice(0, -1);
}

function errnoOf(thrown: unknown): number {
  return Math.abs((thrown as NodeJS.ErrnoException).errno ?? constants.errno.EINVAL);
}

function opener(stream: Readable): OpenOutput {
  return (reader) => {
    let isOpen = true;
    const close = () => {
      if (isOpen) reader.closed();
      isOpen = false;
    };
    stream.on('data', (bytes: Buffer) => {
      if (!reader.read(bytes)) stream.pause();
    });
    stream.on('error', close).on('end', close).on('close', close);
    return { resume: () => stream.resume(), close: () => stream.destroy() };
  };
}

import { afterAll, afterEach, beforeAll } from 'vitest';
import type { Driver, Incarnation, Sink, StartOrder } from '../../src/drivers/driver.js';
import type { BodyFact } from '../../src/model/agent.js';
import type { AgentTemplate } from '../../src/model/input.js';
import { normaliseAgent } from '../../src/model/normalise.js';
import type { StreamName } from '../../src/model/spec.js';

type FactOf<T extends BodyFact['type']> = Extract<BodyFact, { type: T }>;

/** The start order of a tree for one incarnation of an agent. */
export function orderFor(input: AgentTemplate, incarnation = 1): StartOrder {
  const spec = normaliseAgent({ id: 'subject', ...input });
  serial += 1;
  return {
    spec,
    path: 'root/subject',
    incarnation,
    token: `contract-${process.pid}-${serial}`,
    command: spec.body.type === 'command' ? spec.body.command : [],
    cwd: spec.cwd,
    env: () => ({ ...(process.env as Record<string, string>), ...spec.env }),
    ports: {},
  };
}

/** The command line of a fixture program. */
export function fixture(name: string, ...args: (string | number)[]): string[] {
  return [process.execPath, new URL(`../fixtures/${name}.mjs`, import.meta.url).pathname, ...args.map(String)];
}

/** The command line of a fixture in the language of the shell, which starts in a fraction of the time of Node. */
export function script(name: string, ...args: string[]): string[] {
  return ['sh', new URL(`../fixtures/${name}.sh`, import.meta.url).pathname, ...args];
}

/** Records the facts and the output of an incarnation, and waits for them. */
export class Recorder implements Sink {
  readonly facts: BodyFact[] = [];
  readonly words: string[] = [];
  readonly #chunks: { stream: StreamName; bytes: Buffer }[] = [];
  onFact: (fact: BodyFact) => void = () => {};

  fact(fact: BodyFact): void {
    this.facts.push(fact);
    this.onFact(fact);
  }

  output(stream: StreamName, bytes: Uint8Array): void {
    this.#chunks.push({ stream, bytes: Buffer.from(bytes) });
  }

  notified(word: string): void {
    this.words.push(word);
  }

  bytes(stream: StreamName): Buffer {
    return Buffer.concat(this.#chunks.filter((chunk) => chunk.stream === stream).map((chunk) => chunk.bytes));
  }

  text(stream: StreamName = 'stdout'): string {
    return this.bytes(stream).toString();
  }

  types(): string[] {
    return this.facts.map((fact) => fact.type);
  }

  get<T extends BodyFact['type']>(type: T): FactOf<T> | undefined {
    return this.facts.find((fact): fact is FactOf<T> => fact.type === type);
  }

  /** Resolves with the first fact of that type. */
  async until<T extends BodyFact['type']>(type: T): Promise<FactOf<T>> {
    await eventually(
      () => this.get(type) !== undefined,
      () => `${type} (${this.types().join(', ')})`,
    );
    return this.get(type)!;
  }

  /** True when nothing more may follow. */
  get isOver(): boolean {
    const exit = this.get('EXITED');
    if (exit === undefined) return this.get('SPAWN_FAILED') !== undefined || this.get('GONE') !== undefined;
    const gone = exit.empty || this.get('GONE') !== undefined;
    return gone && (exit.drained || this.get('DRAINED') !== undefined);
  }

  ended(): Promise<void> {
    return eventually(
      () => this.isOver,
      () => `the last fact (${this.types().join(', ')})`,
    );
  }

  printed(text: string): Promise<void> {
    return eventually(() => this.text().includes(text), `the output ${text}`);
  }
}

/**
 * Waits for the last fact of an incarnation that ends by itself. While other processes fork, a driver may not be certain that nothing is left: then the tree
 * kills the rest, and so does this.
 */
export async function endedByItself({ body, recorder }: { body: Incarnation; recorder: Recorder }): Promise<void> {
  const { empty } = await recorder.until('EXITED');
  if (!empty) body.kill();
  await recorder.ended();
}

/** Starts one incarnation with a recorder. */
export function begin(driver: Driver, order: StartOrder): { body: Incarnation; recorder: Recorder } {
  const recorder = new Recorder();
  return { body: driver.start(order, recorder), recorder };
}

/**
 * One driver for all tests of the file or block that calls this: the start of a keeper takes longer than most of its tests. What a test has not ended is killed
 * at its end. For tests that do not close their driver.
 */
export function sharedDriver(makeDriver: () => Driver): Driver {
  let driver: Driver;
  const begun: { body: Incarnation; recorder: Recorder }[] = [];
  beforeAll(() => {
    driver = makeDriver();
  });
  afterEach(async () => {
    for (const { body } of begun) {
      body.kill();
      body.drain();
    }
    for (const { recorder } of begun.splice(0)) await recorder.ended();
  });
  afterAll(() => driver.close());
  return {
    start: (order, sink) => {
      const body = driver.start(order, sink);
      begun.push({ body, recorder: sink as Recorder });
      return body;
    },
    whenCaughtUp: (done) => (driver.whenCaughtUp === undefined ? done() : driver.whenCaughtUp(done)),
    close: () => driver.close(),
  };
}

/** Resolves when the condition holds; rejects with its name when it does not within `patience` ms. */
export async function eventually(
  condition: () => boolean,
  what: string | (() => string),
  patience = 60_000,
): Promise<void> {
  const until = performance.now() + patience;
  for (;;) {
    const begin = performance.now();
    if (condition()) return;
    const end = performance.now();
    if (end > until) throw new Error(`timed out waiting for ${typeof what === 'string' ? what : what()}`);
    // Some conditions read all of /proc: the questions take a tenth of the time at most.
    await new Promise((resolve) => setTimeout(resolve, Math.max(5, 10 * (end - begin))));
  }
}

let serial = 0;

import type { TaskBody, TaskContext } from '../../model/spec.js';
import type { Sink, StartOrder } from '../driver.js';
import { isolateListeners } from '../local/isolated-signal.js';
import { InProcessBody, type InProcessHost } from './in-process-body.js';

type Listener = (text: string) => void;

/**
 * One run of an async function. It returns: exit 0. It throws or rejects: exit 1. It rejects with an AbortError after it was
 * asked to stop: exit 0, for that is how an aborted wait ends.
 *
 * A function cannot be killed: `kill` aborts its signal as `ask` does, and EXITED comes when it has really ended, be that never.
 * What a listener of its AbortSignal throws is reported. Out of reach are an endless synchronous loop, and throws on stacks that
 * are not ours (a timer of its own, a listener of a signal that it made of its own): those are uncaught exceptions of the program.
 */
export class TaskIncarnation extends InProcessBody {
  protected readonly remainder = 'task still running';
  readonly #task: TaskBody;
  #aborted = false;
  #controller: AbortController | null = null;
  #listeners: Set<Listener> | null = null;

  constructor(task: TaskBody, order: StartOrder, sink: Sink, host: InProcessHost) {
    super(order, sink, host);
    this.#task = task;
  }

  protected get reads(): boolean {
    return this.running && this.#listeners !== null && this.#listeners.size > 0;
  }

  /** Made when it is first asked for: most tasks of a large pool never do. */
  get abortSignal(): AbortSignal {
    this.#controller ??= this.#newController();
    if (this.#aborted) this.#controller.abort(ABORTED);
    return this.#controller.signal;
  }

  ready(): void {
    if (this.running) this.sink.notified('READY=1');
  }

  log(line: string): void {
    this.print('stdout', String(line));
  }

  onInput(listener: Listener): () => void {
    this.#listeners ??= new Set();
    this.#listeners.add(listener);
    // Not on the stack of the caller, who does not have the way to unsubscribe yet.
    queueMicrotask(() => {
      if (this.reads) this.catchUp();
    });
    return () => this.#listeners?.delete(listener);
  }

  protected prepare(): void {}

  /** Who heard SPAWNED may have asked it to stop at once; then a function that only waits for its signal would wait for ever. */
  protected run(): void {
    if (this.#aborted) return this.exited(0, 'aborted');
    try {
      const result: unknown = this.#task(new Context(this));
      if (result === undefined) this.exited(0, '');
      else Promise.resolve(result).then(() => this.exited(0, ''), this.#threw);
    } catch (thrown) {
      this.#threw(thrown);
    }
  }

  protected end(): void {
    this.#aborted = true;
    // Listeners of the signal are user code, which must not run on the caller's stack.
    const controller = this.#controller;
    if (controller !== null) queueMicrotask(() => controller.abort(ABORTED));
  }

  protected receive(text: string): void {
    for (const listener of this.#listeners ?? []) this.#call(listener, text);
  }

  #newController(): AbortController {
    const controller = new AbortController();
    isolateListeners(controller.signal, (thrown) => this.stumbled('an abort listener', thrown));
    return controller;
  }

  readonly #threw = (thrown: unknown): void => {
    if (this.#aborted && isAbort(thrown)) this.exited(0, 'aborted');
    else this.failed(thrown);
  };

  #call(listener: Listener, text: string): void {
    const failed = (thrown: unknown): void => this.stumbled('an input listener', thrown);
    try {
      const result: unknown = listener(text);
      if (result instanceof Promise) result.catch(failed);
    } catch (thrown) {
      failed(thrown);
    }
  }
}

/** What the task sees. Its methods may be taken out of it (`({ log }) => ...`), so they are made, bound, when they are asked for. */
class Context implements TaskContext {
  readonly #body: TaskIncarnation;

  constructor(body: TaskIncarnation) {
    this.#body = body;
  }

  get id(): string {
    return this.#body.order.spec.id;
  }

  get path(): string {
    return this.#body.order.path;
  }

  get incarnation(): number {
    return this.#body.order.incarnation;
  }

  get ports(): Readonly<Record<string, number>> {
    return this.#body.order.ports;
  }

  get signal(): AbortSignal {
    return this.#body.abortSignal;
  }

  get ready(): () => void {
    return () => this.#body.ready();
  }

  get log(): (line: string) => void {
    return (line) => this.#body.log(line);
  }

  get onInput(): (listener: Listener) => () => void {
    return (listener) => this.#body.onInput(listener);
  }
}

/** What abort() would make anew each time, at the price of a stack trace: a pool of thousands is stopped at once. */
const ABORTED = new DOMException('This operation was aborted', 'AbortError');

function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'AbortError';
}

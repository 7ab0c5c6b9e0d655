import type { TaskBody, TaskContext } from '../../model/spec.js';
import type { Sink, StartOrder } from '../driver.js';
import { isolateListeners } from '../local/isolated-signal.js';
import { InProcessBody, type InProcessHost } from './in-process-body.js';

type Listener = (text: string) => void;

/**
 * One run of an async function. It returns: exit 0. It throws or rejects: exit 1. It rejects with an AbortError after it was asked to stop: exit 0,
 * because that is how an aborted wait ends.
 *
 * A function cannot be killed: `kill` aborts its signal as `ask` does, and EXITED comes when it has really ended, if ever. Errors of listeners of its
 * AbortSignal are reported. An endless synchronous loop cannot be ended, and errors on foreign stacks (a timer of the function, a listener of a signal
 * that it derived) are uncaught exceptions of the program.
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

  /** Made on first use: most tasks of a large pool never use it. */
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
    // Not on the caller's stack: the caller does not have the function that unsubscribes yet.
    queueMicrotask(() => {
      if (this.reads) this.catchUp();
    });
    return () => this.#listeners?.delete(listener);
  }

  protected prepare(): void {}

  /** A listener of SPAWNED may have asked it to stop already; a function that only waits for its signal would then wait for ever. */
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

/** The context of the task. Its methods may be destructured (`({ log }) => ...`), so they are bound, and made on first use. */
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

/** Shared, because abort() without a reason makes an error with a stack trace each time, and a pool of thousands is stopped at once. */
const ABORTED = new DOMException('This operation was aborted', 'AbortError');

function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'AbortError';
}

import { format } from 'node:util';
import { type Actor, type AnyActorLogic, type AnyActorRef, createActor } from 'xstate';
import type { Body } from '../../model/spec.js';
import type { Sink, StartOrder } from '../driver.js';
import { InProcessBody, type InProcessHost } from './in-process-body.js';

type LogicBody = Extract<Body, { type: 'logic' }>;

/**
 * One run of XState actor logic, in an actor system of its own. Done: exit 0, its output as a line on standard output. Error: exit 1. Text that is
 * written to it arrives as events `{ type: 'input', text }`, and its `log` actions are its standard output.
 *
 * Its errors never escape: the observer below receives them (without one, XState rethrows them as an uncaught exception). Errors on stacks that belong
 * to neither supertree nor XState, such as a timer inside a callback logic, cannot be caught.
 */
export class LogicIncarnation extends InProcessBody {
  protected readonly remainder = 'logic still running';
  readonly #body: LogicBody;
  #actor: Actor<AnyActorLogic> | null = null;
  #started = false;
  #asked = false;

  constructor(body: LogicBody, order: StartOrder, sink: Sink, host: InProcessHost) {
    super(order, sink, host);
    this.#body = body;
  }

  protected get reads(): boolean {
    return this.running && this.#started;
  }

  override endNow(): void {
    if (this.running) this.#stop();
    else this.kill();
  }

  protected prepare(): void {
    const actor = createActor(this.#body.logic as AnyActorLogic, {
      id: this.order.spec.id,
      input: this.#body.input,
      clock: this.host.clock,
      logger: (...args) => this.print('stdout', format(...args)),
    });
    actor.subscribe({ error: (thrown: unknown) => this.#threw(thrown), complete: () => this.#completed() });
    this.#actor = actor;
  }

  protected run(): void {
    if (this.#asked) return;
    try {
      this.#started = true;
      this.#actor?.start();
    } catch (thrown) {
      this.#threw(thrown);
    }
  }

  protected end(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.host.clock.defer(() => this.#stop());
  }

  protected receive(text: string): void {
    try {
      this.#actor?.send({ type: 'input', text });
    } catch (thrown) {
      this.#threw(thrown);
    }
  }

  #stop(): void {
    try {
      this.#actor?.stop();
    } catch (thrown) {
      this.#threw(thrown);
    }
    // An actor that was never started does not call its observer.
    this.exited(0, '');
  }

  /** Called when it is done and when it is stopped. */
  #completed(): void {
    const snapshot = this.#actor?.getSnapshot();
    if (snapshot?.status === 'done' && snapshot.output !== undefined) this.print('stdout', format(snapshot.output));
    this.exited(0, '');
  }

  #threw(thrown: unknown): void {
    this.#stopOrphans();
    this.failed(thrown);
  }

  /**
   * When an action of an actor throws, XState leaves the children of the actor running, and a later stop() of the actor does nothing (xstate #5088). Each
   * child is stopped by the event that stop() itself would send.
   */
  #stopOrphans(): void {
    const children: Record<string, AnyActorRef | undefined> = this.#actor?.getSnapshot()?.children ?? {};
    for (const child of Object.values(children)) {
      try {
        child?.send({ type: 'xstate.stop' });
      } catch (thrown) {
        this.stumbled('stopping a child', thrown);
      }
    }
  }
}

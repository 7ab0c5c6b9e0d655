import { type Actor, createActor, type InspectionEvent } from 'xstate';
import type { Topics } from '../control/streams/topics.js';
import { asSupertreeError } from '../errors.js';
import { transportMachine } from '../machines/transport.js';
import { createPublisher, type Publisher } from './publisher.js';
import { createRequestRouter, type RequestRouter, type RequestRouterOptions } from './router.js';

/** The sockets of one kind, which can be bound to endpoints. */
export interface Bindable {
  /** Resolves with the bound endpoint. A socket file is never accessible to other users. */
  bind(endpoint: string): Promise<string>;
  unbind(endpoint: string): Promise<void>;
}

/** One bound endpoint. */
export interface Binding {
  readonly endpoint: string;
  /** Unbinds it, and removes its socket file. Never rejects on a second call. */
  release(): Promise<void>;
}

type Handle = RequestRouterOptions['handle'];

export interface TransportOptions extends Omit<RequestRouterOptions, 'handle'> {
  /** The endpoints for requests. */
  readonly endpoints: readonly string[];
  /** The endpoints that reports are published at. */
  readonly pubEndpoints: readonly string[];
  /** Binds one endpoint. Rejects with the reason why it cannot be bound. */
  readonly bindOne: (sockets: Bindable, endpoint: string) => Promise<Binding>;
  /** Receives XState's inspection events of the transport. May throw: `failed` is then called. If not given, nothing is inspected. */
  readonly inspect?: (event: InspectionEvent) => void;
}

/**
 * The transport of a server, see the chart `transport`: wire messages become requests to a control, reports become frames. Requests check the state of
 * the chart but are not events of it.
 */
export class Transport {
  readonly #options: TransportOptions;
  readonly #actor: Actor<typeof transportMachine>;
  readonly #router: RequestRouter;
  readonly #publisher: Publisher;
  readonly #bindings: Binding[] = [];
  readonly #ready = new Signal();
  readonly #admitted = new Signal();
  readonly #finished = new Signal();
  /** Until the transport serves, requests wait. */
  #handle: Handle = async (...request) => {
    await this.#admitted.given;
    return this.#handle(...request);
  };

  constructor(options: TransportOptions) {
    this.#options = options;
    const { failed, security, connections, endpoints, pubEndpoints } = options;
    this.#router = createRequestRouter({ ...options, handle: (...request) => this.#handle(...request) });
    this.#publisher = createPublisher(failed, security, connections);
    const machine = transportMachine.provide({
      actions: {
        bind: ({ context }) => void this.#bindNext(context.bound.length),
        ready: () => this.#ready.give(),
        admit: () => this.#admitted.give(),
        release: () => void this.#release(),
        finish: () => this.#finished.give(),
      },
    });
    this.#actor = createActor(machine, {
      input: { endpoints, pubEndpoints },
      inspect: (event) => this.#inspect(event),
    });
    this.#actor.subscribe({ error: failed });
  }

  /** The topics that a control publishes on. */
  get topics(): Topics {
    return this.#publisher;
  }

  /** The bound endpoints for requests, with port 0 replaced by the real port. */
  get endpoints(): readonly string[] {
    return this.#bindings.slice(0, this.#options.endpoints.length).map(({ endpoint }) => endpoint);
  }

  /** The bound endpoints for reports, with port 0 replaced by the real port. */
  get pubEndpoints(): readonly string[] {
    return this.#bindings.slice(this.#options.endpoints.length).map(({ endpoint }) => endpoint);
  }

  /** Resolves when every endpoint is bound. Rejects with the reason when one cannot be bound; then none is. */
  async open(): Promise<void> {
    this.#actor.start();
    await this.#ready.given;
  }

  /** Answers requests with `handle` from now on, including those that arrived before. */
  serve(handle: Handle): void {
    this.#handle = handle;
    this.#actor.send({ type: 'SERVE' });
  }

  /** The tree is being stopped: requests are answered until `close`. */
  drain(): void {
    this.#actor.send({ type: 'DRAIN' });
  }

  /** Resolves when nothing listens at the endpoints any more. */
  async close(): Promise<void> {
    this.#actor.send({ type: 'CLOSE' });
    await this.#finished.given;
  }

  async #bindNext(index: number): Promise<void> {
    const { endpoints, pubEndpoints, bindOne } = this.#options;
    const sockets = index < endpoints.length ? this.#router : this.#publisher;
    try {
      const binding = await bindOne(sockets, [...endpoints, ...pubEndpoints][index] as string);
      this.#bindings.push(binding);
      this.#actor.send({ type: 'BOUND', endpoint: binding.endpoint });
    } catch (thrown) {
      this.#actor.send({ type: 'FAILED', code: asSupertreeError(thrown).code });
      // A caller that opens the transport again finds nothing bound.
      await this.#finished.given;
      this.#ready.refuse(thrown);
    }
  }

  async #release(): Promise<void> {
    try {
      // One after another, in the order of binding.
      for (const binding of this.#bindings) await binding.release();
      await Promise.all([this.#router.close(), this.#publisher.close()]);
      await this.#options.security?.close();
    } catch (thrown) {
      this.#options.failed(thrown);
    }
    this.#actor.send({ type: 'RELEASED' });
  }

  /** An error in an inspector would block the actor: XState would never empty its mailbox again. */
  #inspect(event: InspectionEvent): void {
    try {
      this.#options.inspect?.(event);
    } catch (thrown) {
      this.#options.failed(thrown);
    }
  }
}

/** An event that occurs once. */
class Signal {
  give!: () => void;
  refuse!: (reason: unknown) => void;
  readonly given = new Promise<void>((resolve, reject) => {
    this.give = resolve;
    this.refuse = reject;
  });
}

import { type Actor, createActor, type InspectionEvent } from 'xstate';
import type { RequestContext } from '../control/request-context.js';
import type { Topics } from '../control/streams/topics.js';
import { asSupertreeError } from '../errors.js';
import { transportMachine } from '../machines/transport.js';
import { createPublisher, type Publisher } from './publisher.js';
import { createRequestRouter, type RequestRouter, type RequestRouterOptions } from './router.js';

/** What endpoints are bound to: the sockets of one kind. */
export interface Bindable {
  /** Resolves with the endpoint as it is. A socket file that it makes is open to this user alone from its first moment. */
  bind(endpoint: string): Promise<string>;
  unbind(endpoint: string): Promise<void>;
}

/** One endpoint that is bound. */
export interface Binding {
  readonly endpoint: string;
  /** Unbinds it, and removes its socket file. Never rejects on a second call. */
  release(): Promise<void>;
}

type Handle = RequestRouterOptions['handle'];

export interface TransportOptions extends Omit<RequestRouterOptions, 'handle'> {
  /** Where requests come to. */
  readonly endpoints: readonly string[];
  /** Where reports are published. */
  readonly pubEndpoints: readonly string[];
  /** Binds one of them. Rejects with the reason why it cannot be bound. */
  readonly bindOne: (sockets: Bindable, endpoint: string) => Promise<Binding>;
  /** Receives XState's inspection events of the transport. It may throw: `failed` receives that. If not given, nothing is inspected. */
  readonly inspect?: (event: InspectionEvent) => void;
}

/**
 * The transport of a server, see the chart `transport`: wire messages become requests to a control, reports become frames. Requests look at
 * the state of the chart and pass it by.
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
  #handle: Handle | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    const { failed, security, connections, endpoints, pubEndpoints } = options;
    this.#router = createRequestRouter({ ...options, handle: (...request) => this.#answer(...request) });
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

  /** What a control publishes on. */
  get topics(): Topics {
    return this.#publisher;
  }

  /** Where requests come to, wildcard ports replaced; those that are bound. */
  get endpoints(): readonly string[] {
    return this.#bindings.slice(0, this.#options.endpoints.length).map(({ endpoint }) => endpoint);
  }

  /** Where reports are published, wildcard ports replaced; those that are bound. */
  get pubEndpoints(): readonly string[] {
    return this.#bindings.slice(this.#options.endpoints.length).map(({ endpoint }) => endpoint);
  }

  /** Resolves when every endpoint is bound. Rejects with the reason when one cannot be; then none is. */
  async open(): Promise<void> {
    this.#actor.start();
    await this.#ready.given;
  }

  /** Answers requests with `handle` from now on, and those that waited. */
  serve(handle: Handle): void {
    this.#handle = handle;
    this.#actor.send({ type: 'SERVE' });
  }

  /** The tree is being stopped: requests are answered until `close`. */
  drain(): void {
    this.#actor.send({ type: 'DRAIN' });
  }

  /** Resolves when nothing listens at its endpoints any more. */
  async close(): Promise<void> {
    this.#actor.send({ type: 'CLOSE' });
    await this.#finished.given;
  }

  async #answer(payload: Uint8Array, interim: (bytes: Buffer) => void, context: RequestContext): Promise<Buffer> {
    if (this.#actor.getSnapshot().matches('binding')) await this.#admitted.given;
    return (this.#handle as Handle)(payload, interim, context);
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
      // Whoever opens it again finds nothing bound.
      await this.#finished.given;
      this.#ready.refuse(thrown);
    }
  }

  async #release(): Promise<void> {
    try {
      // One after another: what was bound first is released first.
      for (const binding of this.#bindings) await binding.release();
      await Promise.all([this.#router.close(), this.#publisher.close()]);
      await this.#options.security?.close();
    } catch (thrown) {
      this.#options.failed(thrown);
    }
    this.#actor.send({ type: 'RELEASED' });
  }

  /** A throw in an inspector would wedge the actor: its mailbox would never drain again. */
  #inspect(event: InspectionEvent): void {
    try {
      this.#options.inspect?.(event);
    } catch (thrown) {
      this.#options.failed(thrown);
    }
  }
}

/** Something that happens once. */
class Signal {
  give!: () => void;
  refuse!: (reason: unknown) => void;
  readonly given = new Promise<void>((resolve, reject) => {
    this.give = resolve;
    this.refuse = reject;
  });
}

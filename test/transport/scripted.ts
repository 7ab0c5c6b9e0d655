import { Publisher, Router } from 'zeromq';
import type { SupertreeError } from '../../src/errors.js';
import { pack } from '../../src/protocol/codec.js';
import { decode, encode } from '../../src/protocol/decode.js';
import type { Message, MessageType } from '../../src/protocol/protocol.js';

/** A server that says what a test wants it to say. */
export class ScriptedServer {
  readonly requests: Message<MessageType>[] = [];
  /** What each operation answers, or throws: a SupertreeError. An operation without an answer gets none. */
  readonly answers: Record<string, (params: Record<string, unknown>) => unknown> = {};
  endpoint = '';
  pubEndpoint = '';
  readonly #router = new Router({ linger: 0 });
  readonly #publisher = new Publisher({ linger: 0, sendHighWaterMark: 0 });
  readonly #envelopes = new Map<string, Buffer[]>();
  #last: Promise<unknown> = Promise.resolve();

  static async start(): Promise<ScriptedServer> {
    const server = new ScriptedServer();
    await server.#router.bind('tcp://127.0.0.1:*');
    await server.#publisher.bind('tcp://127.0.0.1:*');
    server.endpoint = server.#router.lastEndpoint ?? '';
    server.pubEndpoint = server.#publisher.lastEndpoint ?? '';
    void server.#serve();
    return server;
  }

  /** The requests of one operation. */
  asked(operation: string): Message<'tree_request'>[] {
    return this.requests.filter(
      (request): request is Message<'tree_request'> =>
        request.type === 'tree_request' && request.operation === operation,
    );
  }

  /** Answers a request that got no answer. */
  answer(requestId: string, data: unknown): void {
    const envelope = this.#envelopes.get(requestId) ?? [];
    this.#send(
      envelope,
      encode<'tree_response'>({ type: 'tree_response', request_id: requestId, success: true, data }),
    );
  }

  publish(topic: string, document: unknown): void {
    const bytes = Buffer.isBuffer(document) ? document : pack(document);
    const frame = Buffer.concat([Buffer.from(`${topic}\0`), bytes]);
    this.#last = this.#last.then(() => this.#publisher.send(frame));
  }

  async close(): Promise<void> {
    await this.#last;
    this.#router.close();
    this.#publisher.close();
  }

  async #serve(): Promise<void> {
    for await (const frames of this.#router) {
      // The payload is the frame behind the empty delimiter; further frames are ignored.
      const payload = frames.findIndex(({ length }) => length === 0) + 1;
      const decoded = decode(frames[payload] ?? Buffer.alloc(0));
      if (decoded.ok) this.#take(frames.slice(0, payload), decoded.message);
    }
  }

  #take(envelope: Buffer[], message: Message<MessageType>): void {
    this.requests.push(message);
    if (message.type === 'health_check_request') {
      const metadata = { features: 'tree_request' };
      const { request_id } = message;
      const common = { healthy: true, protocol_version: '1.0.0', metadata };
      this.#send(envelope, encode<'health_check_response'>({ type: 'health_check_response', request_id, ...common }));
    }
    if (message.type !== 'tree_request') return;
    this.#envelopes.set(message.request_id, envelope);
    const answer = this.answers[message.operation];
    if (answer === undefined) return;
    try {
      this.answer(message.request_id, answer(message.params));
    } catch (thrown) {
      this.#refuse(message.request_id, thrown as SupertreeError);
    }
  }

  #refuse(request_id: string, { code, message: error, details }: SupertreeError): void {
    const answer = { type: 'tree_response', request_id, success: false, error, code, details } as const;
    this.#send(this.#envelopes.get(request_id) ?? [], encode<'tree_response'>(answer));
  }

  #send(envelope: Buffer[], bytes: Buffer): void {
    this.#last = this.#last.then(() => this.#router.send([...envelope, bytes])).catch(() => {});
  }
}

import { SupertreeError } from '../errors.js';
import { encode } from '../protocol/decode.js';
import { invalid } from '../protocol/kinds.js';
import type { Draft, Message, MessageType } from '../protocol/protocol.js';
import { type Admitted, isKeyed } from './admission.js';
import { contentOf } from './idempotency.js';
import type { Request } from './request.js';
import { withTimeLimit } from './time-limit.js';

/** The options of a request besides its parameters. */
interface Options {
  readonly key: string | null;
  /** The ms that were left for it when it arrived. */
  readonly deadline: number | null;
  readonly accepted: boolean;
}

type Answer = Draft<MessageType>;
type Interim = (bytes: Buffer) => void;
type Work = (request: Request, admitted: Admitted, interim: Interim) => Answer | Promise<Answer>;

/**
 * Does `work` with the options of its request:
 * - with an idempotency key it is done once, and further requests of the same peer with the same key and content get the same answer; an operation that
 *   changes nothing is repeated instead, and is not remembered;
 * - after its deadline it is not started, or its result is no longer awaited: DEADLINE;
 * - with `accepted` an interim message is sent as soon as the answer is known not to be immediate, before any other interim message.
 * Throws also MESSAGE_INVALID and KEY_REUSED.
 */
export function withRequestOptions(
  request: Request,
  admitted: Admitted,
  interim: Interim,
  work: Work,
): Answer | Promise<Answer> {
  const { message } = admitted;
  if (!('idempotency_key' in message)) return work(request, admitted, interim);
  const { idempotency_key: key, deadline, accepted } = message;
  if (key === null && deadline === null && accepted !== true) return work(request, admitted, interim);
  if (key !== null && (key === '' || key.length > MAX_KEY)) {
    throw invalid('idempotency_key', `must have 1 to ${MAX_KEY} characters`, key);
  }
  return withOptions(request, admitted, { key, deadline, accepted: accepted === true }, interim, work);
}

const MAX_KEY = 256;

function withOptions(
  request: Request,
  admitted: Admitted,
  { key, deadline, accepted }: Options,
  interim: Interim,
  work: Work,
): Answer | Promise<Answer> {
  const { control, context } = request;
  const { message } = admitted;
  const left = deadline === null ? Number.POSITIVE_INFINITY : deadline - (performance.now() - context.receivedAt);
  if (left <= 0) throw late(message.type, 'it was not begun');
  const acceptance = new Acceptance(message, interim);
  const begin = () => work(request, admitted, accepted ? acceptance.interim : interim);
  const done = key === null || !isKeyed(admitted) ? begin() : doneOnce(request, message, key, begin);
  // An answer that is there neither needs a timer nor can be late.
  if (!(done instanceof Promise)) return done;
  if (accepted) void acceptance.sendUnlessDone(done);
  return withTimeLimit(done, left, () => late(message.type, 'it goes on'), control.failed);
}

async function doneOnce(
  request: Request,
  message: Message<MessageType>,
  key: string,
  work: () => Answer | Promise<Answer>,
): Promise<Answer> {
  // These belong to one attempt, not to the content of the request.
  const asked = { ...message, request_id: '', idempotency_key: null, deadline: null, accepted: null, progress: false };
  const answer = await request.control.keys.once(ownerOf(request), key, contentOf(asked), async () => {
    const made = await work();
    return { answer: made, bytes: encode(made).length };
  });
  return 'request_id' in message ? ({ ...answer, request_id: message.request_id } as Answer) : answer;
}

/**
 * The owner of idempotency keys: the proved public key, or all peers without one. Never the name of a key: names are chosen freely, and a key that is called
 * `local` must not share with the peers of the ipc socket.
 */
function ownerOf({ tree: { peer } }: Request): string {
  return peer.publicKey === undefined ? `without a key: ${peer.name}` : `key ${peer.publicKey}`;
}

/** Sends once that a request was accepted, before any other interim message. */
class Acceptance {
  readonly #message: Message<MessageType>;
  readonly #interim: Interim;
  #isSent = false;

  constructor(message: Message<MessageType>, interim: Interim) {
    this.#message = message;
    this.#interim = interim;
  }

  /** Sends an interim message of the work: work that has started was accepted. */
  readonly interim: Interim = (bytes) => {
    this.#send();
    this.#interim(bytes);
  };

  /** Sends nothing for work that is done within this turn of the event loop. */
  async sendUnlessDone(work: Promise<unknown>): Promise<void> {
    const done = work.then(
      () => true,
      () => true,
    );
    const turn = new Promise<boolean>((resolve) => setImmediate(() => resolve(false)));
    if (!(await Promise.race([done, turn]))) this.#send();
  }

  #send(): void {
    if (this.#isSent || !('request_id' in this.#message)) return;
    this.#isSent = true;
    this.#interim(encode<'accepted'>({ type: 'accepted', request_id: this.#message.request_id }));
  }
}

function late(what: string, outcome: string): SupertreeError {
  return new SupertreeError('DEADLINE', { what, outcome });
}

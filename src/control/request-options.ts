import { SupertreeError } from '../errors.js';
import { encode } from '../protocol/decode.js';
import { invalid } from '../protocol/kinds.js';
import type { Draft, Message, MessageType } from '../protocol/protocol.js';
import { changesNothing } from './admission.js';
import type { Control } from './control.js';
import { contentOf } from './idempotency.js';
import type { RequestContext } from './request-context.js';
import { withTimeLimit } from './time-limit.js';

/** What a request asks for beside its work. */
interface Options {
  readonly key: string | null;
  /** How many ms were left for it when it came. */
  readonly deadline: number | null;
  readonly accepted: boolean;
}

type AnyDraft = Draft<MessageType>;
type Interim = (bytes: Buffer) => void;

/**
 * Does `work` as the options of its request say:
 * - with an idempotency key it is done once, and every further request of the same peer with the same key and content gets the same
 *   answer; what changes nothing is simply asked again, and takes no room from what does;
 * - with a deadline it is not begun when that has passed, and not waited for any longer, DEADLINE;
 * - with `accepted` a word is sent as soon as it is clear that it takes its time, and before any word of the work itself.
 * Throws also MESSAGE_INVALID and KEY_REUSED.
 */
export function withRequestOptions<T extends AnyDraft>(
  control: Control,
  message: Message<MessageType>,
  context: RequestContext,
  interim: Interim,
  work: (interim: Interim) => Promise<T>,
): Promise<AnyDraft> {
  const isPlain = !('idempotency_key' in message) || NAMES.every((name) => message[name] === null);
  return isPlain ? work(interim) : withOwnOptions(control, message, context, interim, work);
}

const NAMES = ['idempotency_key', 'deadline', 'accepted'] as const;

async function withOwnOptions<T extends AnyDraft>(
  control: Control,
  message: Message<MessageType>,
  context: RequestContext,
  interim: Interim,
  work: (interim: Interim) => Promise<T>,
): Promise<AnyDraft> {
  const { key, deadline, accepted } = optionsOf(message);
  const left = deadline === null ? Number.POSITIVE_INFINITY : deadline - (performance.now() - context.receivedAt);
  if (left <= 0) throw late(message.type, 'it was not begun');
  const acceptance = new Acceptance(message, interim);
  const begin = () => work(accepted ? acceptance.word : interim);
  const done = key === null || changesNothing(message) ? begin() : doneOnce(control, message, key, begin);
  if (accepted) void acceptance.tellUnlessOver(done);
  return withTimeLimit(done, left, () => late(message.type, 'it goes on'), control.failed);
}

const PLAIN: Options = { key: null, deadline: null, accepted: false };

const MAX_KEY = 256;

function optionsOf(message: Message<MessageType>): Options {
  if (!('idempotency_key' in message)) return PLAIN;
  const { idempotency_key: key, deadline, accepted } = message;
  if (key !== null && (key === '' || key.length > MAX_KEY)) {
    throw invalid('idempotency_key', `must have 1 to ${MAX_KEY} characters`, key);
  }
  return { key, deadline, accepted: accepted === true };
}

async function doneOnce<T extends AnyDraft>(
  control: Control,
  message: Message<MessageType>,
  key: string,
  work: () => Promise<T>,
): Promise<AnyDraft> {
  // These belong to the one try, not to what is asked for.
  const asked = { ...message, request_id: '', idempotency_key: null, deadline: null, accepted: null, progress: false };
  const answer = await control.keys.once(control.peer.name, key, contentOf(asked), async () => {
    const made = await work();
    return { answer: made, bytes: encode(made).length };
  });
  return 'request_id' in message ? ({ ...answer, request_id: message.request_id } as AnyDraft) : answer;
}

/** Says once that a request was accepted, before whatever else is said about it. */
class Acceptance {
  readonly #message: Message<MessageType>;
  readonly #interim: Interim;
  #told = false;

  constructor(message: Message<MessageType>, interim: Interim) {
    this.#message = message;
    this.#interim = interim;
  }

  /** A word of the work itself: what is at work was accepted. */
  readonly word: Interim = (bytes) => {
    this.#tell();
    this.#interim(bytes);
  };

  /** Work that is over when the event loop comes round is not worth a word. */
  async tellUnlessOver(done: Promise<unknown>): Promise<void> {
    const over = done.then(
      () => true,
      () => true,
    );
    const round = new Promise<boolean>((resolve) => setImmediate(() => resolve(false)));
    if (!(await Promise.race([over, round]))) this.#tell();
  }

  #tell(): void {
    if (this.#told || !('request_id' in this.#message)) return;
    this.#told = true;
    this.#interim(encode<'accepted'>({ type: 'accepted', request_id: this.#message.request_id }));
  }
}

function late(what: string, outcome: string): SupertreeError {
  return new SupertreeError('DEADLINE', { what, outcome });
}

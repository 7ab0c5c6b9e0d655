import { nanoid } from 'nanoid';
import { Dealer } from 'zeromq';
import { errorCatalogue, SupertreeError } from '../errors.js';
import { decode, encode } from './decode.js';
import { isMap } from './kinds.js';
import type { Progress } from './operations.js';
import type { Message, MessageType } from './protocol.js';

export interface CallOptions {
  /** How long to wait for the answer, in ms; Infinity for ever. */
  readonly timeout: number;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One connection to one server, with any number of requests in flight. */
export interface Link {
  /**
   * Asks for one operation. Rejects with the server's own error; with TIMEOUT; with NO_SERVER when the connection is
   * lost; with the signal's reason. An answer that comes after that is dropped.
   */
  call(operation: string, params: object, options: CallOptions): Promise<unknown>;
  close(): void;
}

interface Pending {
  readonly resolve: (data: unknown) => void;
  readonly reject: (reason: unknown) => void;
  readonly onProgress: ((progress: Progress) => void) | undefined;
}

/** Opens a link. It connects in the background, and again when the connection is lost. */
export function openLink(endpoint: string): Link {
  const socket = new Dealer({ linger: 0, sendHighWaterMark: 0, receiveHighWaterMark: 0 });
  const pending = new Map<string, Pending>();
  const noServer = () => new SupertreeError('NO_SERVER', { endpoint });
  let lost = false;
  const failAll = () => {
    const all = [...pending.values()];
    pending.clear();
    for (const each of all) each.reject(noServer());
  };
  socket.events.on('disconnect', () => {
    lost = true;
    failAll();
  });
  socket.events.on('handshake', () => {
    lost = false;
  });
  socket.connect(endpoint);
  const outbox = createLine(socket, failAll);
  receive(socket, pending).catch(failAll);
  return {
    call: (operation, params, options) => {
      if (lost || socket.closed) return Promise.reject(noServer());
      const id = nanoid();
      const progress = options.onProgress !== undefined;
      const bytes = encode<'tree_request'>({
        type: 'tree_request',
        request_id: id,
        operation,
        params: { ...params },
        progress,
      });
      const answer = expectAnswer(pending, id, operation, options);
      outbox(bytes);
      return answer;
    },
    close: () => {
      socket.close();
      failAll();
    },
  };
}

/** Sends one after another: zeromq.js allows one send at a time. */
function createLine(socket: Dealer, failed: () => void): (bytes: Buffer) => void {
  let last: Promise<void> = Promise.resolve();
  return (bytes) => {
    last = last.then(() => (socket.closed ? undefined : socket.send([EMPTY, bytes]))).catch(failed);
  };
}

const EMPTY = Buffer.alloc(0);

/** The longest delay of a Node timer. */
const MAX_TIMER = 2_147_483_647;

async function expectAnswer(
  pending: Map<string, Pending>,
  id: string,
  operation: string,
  { timeout, signal, onProgress }: CallOptions,
): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  try {
    return await new Promise<unknown>((resolve, reject) => {
      if (signal?.aborted) throw signal.reason;
      pending.set(id, { resolve, reject, onProgress });
      onAbort = () => reject(signal?.reason);
      signal?.addEventListener('abort', onAbort);
      if (timeout <= MAX_TIMER) timer = setTimeout(() => reject(late(operation, timeout)), timeout);
    });
  } finally {
    pending.delete(id);
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
  }
}

function late(operation: string, timeout: number): SupertreeError {
  return new SupertreeError('TIMEOUT', { what: operation, timeout });
}

async function receive(socket: Dealer, pending: Map<string, Pending>): Promise<void> {
  for await (const frames of socket) {
    const bytes = frames.at(-1);
    const decoded = bytes === undefined ? null : decode(bytes);
    if (decoded?.ok === true) settle(pending, decoded.message);
  }
}

function settle(pending: Map<string, Pending>, message: Message<MessageType>): void {
  const waiting = 'request_id' in message ? pending.get(message.request_id) : undefined;
  if (waiting === undefined) return;
  switch (message.type) {
    case 'tree_progress':
      return tell(waiting, { path: message.path, state: message.state, detail: message.detail });
    case 'tree_response':
      if (message.success) return waiting.resolve(message.data);
      return waiting.reject(errorOf(message));
    case 'error_response':
      return waiting.reject(errorOf(message));
    default:
      return waiting.reject(
        new SupertreeError('MESSAGE_INVALID', { problem: `a ${message.type} answers nothing here` }),
      );
  }
}

/** Rejects the call when its own listener throws: nobody else could be told. */
function tell(waiting: Pending, progress: Progress): void {
  try {
    waiting.onProgress?.(progress);
  } catch (thrown) {
    waiting.reject(thrown);
  }
}

const CODES = new Map(errorCatalogue().map(({ code }) => [code as string, code]));

/** The error as the server had it, as long as its code is known here. */
function errorOf(message: { error: string | null; code: string | null; details: unknown }): SupertreeError {
  const code = CODES.get(message.code ?? '');
  const text = message.error ?? 'the server gave no reason';
  if (code === undefined) return new SupertreeError('INTERNAL', { problem: text });
  return new SupertreeError(code, isMap(message.details) ? message.details : {});
}

import type { Command } from 'commander';
import type { Client } from '../client/client.js';
import { SupertreeError } from '../errors.js';
import { absolutePath } from './arguments.js';
import { Interrupted } from './exit.js';
import { colourful, plain } from './format.js';
import type { ClientKeyFiles, Host, Sink } from './host.js';
import type { View } from './render.js';

/** The text that an interrupt prints once the client is connected; empty for none. */
export type Note = string | (() => string);

/** The note before any request was sent. */
export const NOTHING_SENT = 'Interrupted. Nothing was sent.';

/** The note of read-only commands. */
export const UNCHANGED = 'Interrupted. Nothing was changed.';

/**
 * Connects, does `work` and closes in any case. An interrupt ends the wait at once with `Interrupted`; its text is `note`, or NOTHING_SENT before the
 * connection is made.
 */
export async function withClient<T>(
  host: Host,
  command: Command,
  note: Note,
  work: (client: Client, interrupted: AbortSignal) => Promise<T>,
): Promise<T> {
  return withClients(host, command, note, 1, ([client], interrupted) => work(client, interrupted));
}

/** The same with `count` connections. */
export async function withClients<T>(
  host: Host,
  command: Command,
  note: Note,
  count: number,
  work: (clients: readonly [Client, ...Client[]], interrupted: AbortSignal) => Promise<T>,
): Promise<T> {
  const interrupt = new AbortController();
  let isConnected = false;
  const said = () => (typeof note === 'string' ? note : note());
  const undo = host.onInterrupt((signal) => {
    const text = isConnected || note === '' ? said() : NOTHING_SENT;
    interrupt.abort(new Interrupted(signal, text));
  });
  const clients: Client[] = [];
  const connect = async () => {
    const { owner }: { owner?: number } = command.optsWithGlobals();
    const connecting = host.connect(endpointOf(host, command), keyFilesOf(host, command), owner);
    const client = await orInterrupted(connecting, interrupt.signal);
    clients.push(client);
    return client;
  };
  try {
    const first = await connect();
    for (let more = 1; more < count; more++) await connect();
    isConnected = true;
    return await orInterrupted(work([first, ...clients.slice(1)], interrupt.signal), interrupt.signal);
  } finally {
    await Promise.all(clients.map((client) => client.close()));
    undo();
  }
}

/** The endpoint to use: `--endpoint`, else SUPERTREE_ENDPOINT, else `undefined` for the default. */
export function endpointOf(host: Host, command: Command): string | undefined {
  const given: unknown = command.optsWithGlobals().endpoint;
  return typeof given === 'string' ? given : host.env.SUPERTREE_ENDPOINT || undefined;
}

/** The keys to use: `--key` and `--server-key`, else SUPERTREE_KEY and SUPERTREE_SERVER_KEY. Throws USAGE for one without the other. */
export function keyFilesOf(host: Host, command: Command): ClientKeyFiles | undefined {
  const given: { key?: string; serverKey?: string } = command.optsWithGlobals();
  const keyFile = given.key ?? (host.env.SUPERTREE_KEY || undefined);
  const serverKey = given.serverKey ?? (host.env.SUPERTREE_SERVER_KEY || undefined);
  if (keyFile === undefined && serverKey === undefined) return undefined;
  if (keyFile === undefined || serverKey === undefined) {
    const problem = '--key and --server-key (SUPERTREE_KEY and SUPERTREE_SERVER_KEY) go together';
    throw new SupertreeError('USAGE', { problem, command: command.name() });
  }
  const server = Z85_KEY.test(serverKey) ? serverKey : absolutePath(host, serverKey);
  return { keyFile: absolutePath(host, keyFile), serverKey: server };
}

/** A key in Z85 (RFC 32). A file whose name looks like a key can be given with ./ in front. */
const Z85_KEY = /^[0-9a-zA-Z.\-:+=^!/*?&<>()[\]{}@%$#]{40}$/;

/** Writes one JSON document. */
export function printJson(sink: Sink, value: unknown): void {
  sink.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** `styled` for lines that contain the colours of supertree. */
export function printLines(sink: Sink, lines: readonly string[], as?: 'styled'): void {
  sink.write(lines.map((line) => `${line}\n`).join(''), as);
}

/** The parameters for drawing on standard output. Colours only on a terminal, and not when NO_COLOR is set (no-color.org). */
export function viewOf(host: Host): View {
  const coloured = host.out.terminal && !host.env.NO_COLOR && host.env.TERM !== 'dumb';
  return { now: host.now(), columns: host.out.columns, paint: coloured ? colourful : plain };
}

/** `pending`, or a rejection with the reason of the abort, whichever comes first. A later rejection of `pending` is ignored. */
export function orInterrupted<T>(pending: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    pending.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

import type { Command } from 'commander';
import type { Client } from '../client/client.js';
import { SupertreeError } from '../errors.js';
import { absolutePath } from './arguments.js';
import { Interrupted } from './exit.js';
import { colourful, plain } from './format.js';
import type { Host, Identity, Sink } from './host.js';
import type { View } from './render.js';

/** What an interrupt says, once it is connected; empty for nothing. */
export type Note = string | (() => string);

/** The note while nothing was asked that could change anything. */
export const NOTHING_SENT = 'Interrupted. Nothing was sent.';

/** The note of what only looks. */
export const UNCHANGED = 'Interrupted. Nothing was changed.';

/**
 * Connects, does `work` and closes, whatever happens. An interrupt ends the wait at once with `Interrupted`;
 * `note` tells the person what becomes of what was asked, unless nothing was asked yet.
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
    const connecting = host.connect(endpointOf(host, command), identityOf(host, command), owner);
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

/** The server that is meant: `--endpoint`, else SUPERTREE_ENDPOINT, else `undefined` for the default. */
export function endpointOf(host: Host, command: Command): string | undefined {
  const given: unknown = command.optsWithGlobals().endpoint;
  return typeof given === 'string' ? given : host.env.SUPERTREE_ENDPOINT || undefined;
}

/** The keys that are meant: `--key` and `--server-key`, else SUPERTREE_KEY and SUPERTREE_SERVER_KEY. Throws USAGE for one without the other. */
export function identityOf(host: Host, command: Command): Identity | undefined {
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

/** A key in Z85 (RFC 32). A file of a name that looks like one can be given with ./ in front. */
const Z85_KEY = /^[0-9a-zA-Z.\-:+=^!/*?&<>()[\]{}@%$#]{40}$/;

/** Writes one JSON document. */
export function printJson(sink: Sink, value: unknown): void {
  sink.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** `styled` for lines with our own colours. */
export function printLines(sink: Sink, lines: readonly string[], as?: 'styled'): void {
  sink.write(lines.map((line) => `${line}\n`).join(''), as);
}

/** How to draw on standard output. Colours only on a terminal, and not when NO_COLOR is set (no-color.org). */
export function viewOf(host: Host): View {
  const coloured = host.out.terminal && !host.env.NO_COLOR && host.env.TERM !== 'dumb';
  return { now: host.now(), columns: host.out.columns, paint: coloured ? colourful : plain };
}

/** `pending`, or the reason of the abort, whichever comes first. A late failure of `pending` is then nobody's concern. */
export function orInterrupted<T>(pending: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    pending.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

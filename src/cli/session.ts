import type { Command } from 'commander';
import type { Client } from '../transport/client.js';
import { Interrupted } from './exit.js';
import { colourful, plain } from './format.js';
import type { Host, Sink } from './host.js';
import type { View } from './render.js';

/**
 * Connects, does `work` and closes, whatever happens. An interrupt ends the wait at once with `Interrupted`;
 * `note` tells the person what becomes of what was asked.
 */
export async function withClient<T>(
  host: Host,
  command: Command,
  note: string,
  work: (client: Client, interrupted: AbortSignal) => Promise<T>,
): Promise<T> {
  const interrupt = new AbortController();
  const undo = host.onInterrupt((signal) => interrupt.abort(new Interrupted(signal, note)));
  try {
    const client = await orInterrupted(host.connect(endpointOf(host, command)), interrupt.signal);
    try {
      return await orInterrupted(work(client, interrupt.signal), interrupt.signal);
    } finally {
      await client.close();
    }
  } finally {
    undo();
  }
}

/** The server that is meant: `--endpoint`, else SUPERTREE_ENDPOINT, else `undefined` for the default. */
export function endpointOf(host: Host, command: Command): string | undefined {
  const given: unknown = command.optsWithGlobals().endpoint;
  return typeof given === 'string' ? given : host.env.SUPERTREE_ENDPOINT || undefined;
}

/** Writes one JSON document. */
export function printJson(sink: Sink, value: unknown): void {
  sink.write(`${JSON.stringify(value, null, 2)}\n`);
}

export function printLines(sink: Sink, lines: readonly string[]): void {
  sink.write(lines.map((line) => `${line}\n`).join(''));
}

/** How to draw on standard output. Colours only on a terminal, and not when NO_COLOR is set (no-color.org). */
export function viewOf(host: Host): View {
  const coloured = host.out.terminal && !host.env.NO_COLOR && host.env.TERM !== 'dumb';
  return { now: host.now(), columns: host.out.columns, paint: coloured ? colourful : plain };
}

/** `pending`, or the reason of the abort, whichever comes first. A late failure of `pending` is then nobody's concern. */
function orInterrupted<T>(pending: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    pending.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

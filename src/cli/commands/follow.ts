import type { FollowQuery, LogItem } from '../../client/client.js';
import type { StreamName } from '../../model/spec.js';
import type { LineView } from '../../protocol/operations.js';
import { EXIT } from '../exit.js';
import type { Host } from '../host.js';
import { printLines } from '../session.js';

const NEWLINE = 0x0a;

type Line = Pick<LineView, 'stream' | 'text' | 'bytes'>;

/** Prints the lines and notes of `items` until the iteration ends or the reader of the output has gone. Resolves with the exit code. */
export async function printFollowed(
  host: Host,
  items: AsyncIterable<LogItem>,
  { json = false, raw = false }: { readonly json?: boolean; readonly raw?: boolean },
): Promise<number> {
  const printer = new OutputPrinter(host, raw);
  for await (const item of items) {
    if (json) host.out.write(`${JSON.stringify(item.type === 'line' ? lineToJson(item) : item)}\n`);
    else if (item.type === 'line') printer.print(item);
    else printLines(host.err, [noteOf(item)]);
    if ((await host.out.drained?.()) === false) break;
  }
  if (!json) printer.end();
  return EXIT.done;
}

/** The options of `logs` as a query to follow. */
export function followQuery(query: Omit<FollowQuery, 'follow'>): FollowQuery {
  return { ...query, follow: true };
}

/**
 * Prints lines as they were written; on a terminal, control sequences are spelled out unless `raw`. A newline is added only where the other stream
 * interrupts an unfinished line.
 */
export class OutputPrinter {
  readonly #host: Host;
  readonly #as: 'raw' | undefined;
  #open: StreamName | null = null;

  constructor(host: Host, raw: boolean) {
    this.#host = host;
    this.#as = raw ? 'raw' : undefined;
  }

  print(line: Line): void {
    const { out } = this.#host;
    const bytes = line.bytes ?? Buffer.from(line.text);
    if (this.#open !== null && this.#open !== line.stream) out.write('\n');
    out.write(bytes, this.#as);
    if (bytes.length > 0) this.#open = bytes[bytes.length - 1] === NEWLINE ? null : line.stream;
  }

  end(): void {
    if (this.#open !== null && this.#host.out.terminal) this.#host.out.write('\n');
  }
}

/** A line as JSON: bytes that are not UTF-8 in base64. */
export function lineToJson<T extends Line>({ bytes, ...line }: T): object {
  return bytes === undefined ? line : { ...line, bytes: Buffer.from(bytes).toString('base64') };
}

function noteOf(item: Exclude<LogItem, { type: 'line' }>): string {
  if (item.type === 'restarted') return 'The output starts again.';
  return `${item.lines} older lines are no longer kept.`;
}

import { fstatSync } from 'node:fs';
import { type Logger, pino } from 'pino';
import { messageOf, SupertreeError } from '../errors.js';
import { terminalText } from '../model/printable.js';
import { LineFile } from './line-file.js';

/** Where lines go: one of the two output streams. Must not throw. */
export interface LineSink {
  write(text: string): void;
  /** True when a person reads it. */
  readonly terminal: boolean;
}

/**
 * A log to a stream: on a terminal one plain line each, with the level where it is not plain; otherwise one JSON object each.
 */
export function createLog(sink: LineSink): Logger {
  const options = { base: null, timestamp: () => `,"time":"${new Date().toISOString()}"`, formatters: LEVELS };
  return pino(options, sink.terminal ? { write: (line: string) => sink.write(plain(line)) } : sink);
}

const LEVELS = { level: (label: string) => ({ level: label }) };

function plain(line: string): string {
  const { level, msg = '' } = JSON.parse(line) as { level: string; msg?: string };
  return `${level === 'info' ? '' : `${level}: `}${terminalText(msg)}\n`;
}

/**
 * A standard stream as a sink. A reader that has gone away (EPIPE) must not end a server: what it would have read is lost. A file that
 * cannot be written is tried again with each line, see `fileSink`; `failed` is told then.
 */
export function standardSink(stream: StandardStream, failed: (thrown: unknown) => void): LineSink {
  // The stream of a file is over with its first error: a disk that was full once would silence the server for ever.
  if (isFile(stream)) return fileSink(stream.fd, NAMES[stream.fd] ?? `descriptor ${stream.fd}`, failed);
  if (!guarded.has(stream)) {
    guarded.add(stream);
    stream.on('error', () => broken.add(stream));
  }
  return {
    write: (text) => {
      if (!broken.has(stream)) stream.write(text);
    },
    terminal: stream.isTTY === true,
  };
}

const guarded = new WeakSet<NodeJS.WriteStream>();
const broken = new WeakSet<NodeJS.WriteStream>();

type StandardStream = NodeJS.WriteStream & { readonly fd: number };

const NAMES: Readonly<Record<number, string>> = { 1: 'standard output', 2: 'standard error' };

/** True for what a disk or a device takes; false for a terminal, a pipe and a socket. */
function isFile(stream: StandardStream): boolean {
  const stats = fstatSync(stream.fd);
  return stats.isFile() || (stats.isCharacterDevice() && stream.isTTY !== true);
}

/**
 * A sink that writes to a descriptor, `stream` to a person. A line that cannot be written is lost: `failed` is told LOG_FILE of the first one
 * in a row, and the log says how many are missing once it can be written again.
 */
export function fileSink(fd: number, stream: string, failed: (thrown: unknown) => void): LineSink {
  const file = new LineFile(fd);
  return {
    write: (line) => {
      try {
        file.write(line);
      } catch (thrown) {
        if (file.lost === 1) failed(new SupertreeError('LOG_FILE', { stream, problem: messageOf(thrown) }, thrown));
      }
    },
    terminal: false,
  };
}

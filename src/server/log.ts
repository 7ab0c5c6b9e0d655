import { fstatSync } from 'node:fs';
import { type Logger, pino } from 'pino';
import { messageOf, SupertreeError } from '../errors.js';
import { terminalText } from '../model/printable.js';
import { LineFile } from './line-file.js';

/** The output of a log: one of the two standard streams, for instance. Must not throw. */
export interface LineSink {
  write(text: string): void;
  /** True for a terminal: lines are then written for people. */
  readonly terminal: boolean;
}

/** A log to a stream: on a terminal plain lines, with the level for warnings and errors; otherwise one JSON object each. */
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
 * A standard stream as a sink. A reader that has gone (EPIPE) must not end a server: further lines are dropped. A file that cannot be written is
 * tried again with each line, see `fileSink`, which then calls `failed`.
 */
export function standardSink(stream: StandardStream, failed: (thrown: unknown) => void): LineSink {
  // Node closes the stream of a file at its first error: a disk that was full once would silence the server for ever.
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

/** True for a file or a device; false for a terminal, a pipe and a socket. */
function isFile(stream: StandardStream): boolean {
  const stats = fstatSync(stream.fd);
  return stats.isFile() || (stats.isCharacterDevice() && stream.isTTY !== true);
}

/**
 * A sink that writes to a descriptor; `stream` is its name in errors. A line that cannot be written is lost: `failed` is called with LOG_FILE for the
 * first one in a row, and the log gives the number of missing lines once it can be written again.
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

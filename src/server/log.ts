import { type Logger, pino } from 'pino';

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
  return `${level === 'info' ? '' : `${level}: `}${msg}\n`;
}

/** A standard stream as a sink. A reader that has gone away (EPIPE) must not end a server: what it would have read is lost. */
export function standardSink(stream: NodeJS.WriteStream): LineSink {
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

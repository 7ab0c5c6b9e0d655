import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty } from 'node:tty';
import type { ConnectOptions } from '../client/client.js';
import { messageOf, SupertreeError } from '../errors.js';
import { EXIT, exitCodeOf, lineOf } from './exit.js';
import type { ClientKeyFiles, Host, Sink } from './host.js';
import { disablePretenuring } from './pretenuring.js';
import { run } from './run.js';

/* The only module that ends the process. Sockets and the server are imported by the commands that need them. */

/** How long a command waits for a server that has gone, in ms. */
const CONNECT_TIMEOUT = 5_000;

/** How long the end of a server or of an interrupted command waits for the reader of its output, in ms. Other commands wait without a limit. */
const FLUSH_TIMEOUT = 2_000;

/** Signals that end this process without Node's `exit` event. */
const FATAL_SIGNALS = ['SIGHUP', 'SIGQUIT'] as const;

/** At this signal Node would open its inspector, through which every user of the machine could run code in this process. */
process.on('SIGUSR1', () => {});

/** True once this process has been a server. */
let served = false;

/** Errors of output that could not be written although it had a reader. */
const outputErrors: SupertreeError[] = [];

const host: Host = {
  env: process.env,
  get cwd() {
    return presentDirectory();
  },
  now: () => Date.now(),
  out: sinkOf(process.stdout),
  err: sinkOf(process.stderr),
  stdin: lazyStdin(),
  stdinTerminal: isatty(0),
  ...(isatty(0) && { keys: readKeys, passLineEnds }),
  connect: async (endpoint, keyFiles, owner) => {
    const { connect } = await import('../client/client.js');
    const security = keyFiles === undefined ? {} : await keysOf(keyFiles);
    return connect({ patience: CONNECT_TIMEOUT, endpoint, owner, ...security });
  },
  guardTerminal,
  examine: async (request) => {
    const { examine } = await import('../server/doctor/doctor.js');
    return examine(request);
  },
  serve: async (request) => {
    const { serve } = await import('../server/serve.js');
    disablePretenuring();
    served = true;
    return serve(request);
  },
  onInterrupt: (listener) => {
    process.on('SIGINT', listener);
    process.on('SIGTERM', listener);
    return () => {
      process.off('SIGINT', listener);
      process.off('SIGTERM', listener);
    };
  },
};

const code = await run(process.argv.slice(2), host);
const isAwaited = served || code === EXIT.SIGINT || code === EXIT.SIGTERM;
await Promise.race([allWritten(), ...(isAwaited ? [sleep(FLUSH_TIMEOUT)] : [])]);
// A server reports by itself that its log could not be written, and its exit code does not depend on it.
process.exit(code === 0 && !served ? codeOfOutputErrors() : code);

async function keysOf({ keyFile, serverKey }: ClientKeyFiles): Promise<Pick<ConnectOptions, 'keys' | 'serverKey'>> {
  const { readClientSecurity } = await import('../server/keys.js');
  return readClientSecurity(keyFile, serverKey);
}

/** Evaluated only by a command that needs it, because the directory may have been deleted. Throws CWD_GONE. */
function presentDirectory(): string {
  try {
    return process.cwd();
  } catch (thrown) {
    throw new SupertreeError('CWD_GONE', { problem: messageOf(thrown) }, thrown);
  }
}

/** Prints a line on standard error for output that could not be written. Returns the exit code. */
function codeOfOutputErrors(): number {
  const [first] = outputErrors;
  if (first === undefined) return 0;
  host.err.write(`${lineOf(first)}\n`);
  return exitCodeOf(first);
}

/**
 * A reader that has read enough (`supertree ps | head -1`) closes the pipe: the write fails with EPIPE, further output is dropped, and the exit code
 * stays that of the command. Any other failure, such as a full disk, is an error.
 */
function sinkOf(stream: NodeJS.WriteStream): Sink {
  let broken = false;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (!broken && error.code !== 'EPIPE') outputErrors.push(outputFailed(stream, error));
    broken = true;
  });
  return {
    write: (data) => {
      if (!broken) stream.write(data);
    },
    terminal: stream.isTTY === true,
    // Read each time: a window can be resized.
    get columns() {
      return sizeOf(stream, stream.columns);
    },
    get rows() {
      return sizeOf(stream, stream.rows);
    },
    onResize: (listener) => {
      stream.on('resize', listener);
      return () => stream.off('resize', listener);
    },
    drained: async () => {
      if (!broken && stream.writableNeedDrain)
        await Promise.race([once(stream, 'drain'), once(stream, 'close')]).catch(() => {});
      return !broken;
    },
  };
}

function outputFailed(stream: NodeJS.WriteStream, error: Error): SupertreeError {
  const name = stream === process.stderr ? 'Standard error' : 'Standard output';
  return new SupertreeError('OUTPUT_FAILED', { stream: name, problem: error.message }, error);
}

/** A terminal without a known size reports 0. */
function sizeOf({ isTTY }: NodeJS.WriteStream, size: number): number {
  return isTTY === true && size > 0 ? size : Number.POSITIVE_INFINITY;
}

function guardTerminal(enter: string, leave: string, redraw: () => void): () => void {
  const { stdin, stdout } = process;
  const wasRaw = () => stdin.isTTY === true && stdin.isRaw;
  const restore = () => {
    if (wasRaw()) stdin.setRawMode(false);
    writeNow(leave);
  };
  const die = (signal: NodeJS.Signals) => {
    restore();
    undo();
    process.kill(process.pid, signal);
  };
  const stop = () => {
    const raw = wasRaw();
    restore();
    process.once('SIGCONT', () => {
      if (raw) stdin.setRawMode(true);
      stdout.write(enter);
      redraw();
    });
    process.kill(process.pid, 'SIGSTOP');
  };
  for (const signal of FATAL_SIGNALS) process.on(signal, die);
  process.on('SIGTSTP', stop);
  process.on('uncaughtExceptionMonitor', restore);
  const undo = () => {
    for (const signal of FATAL_SIGNALS) process.off(signal, die);
    process.off('SIGTSTP', stop);
    process.off('uncaughtExceptionMonitor', restore);
  };
  return undo;
}

/** Bypasses the queue of the stream: the process may end before it is empty. A terminal that accepts no data is skipped. */
function writeNow(text: string): void {
  try {
    writeSync(1, text);
  } catch (thrown) {
    outputErrors.push(outputFailed(process.stdout, thrown as Error));
  }
}

function readKeys(listener: (key: string, bytes: Uint8Array) => void): () => void {
  const { stdin } = process;
  const take = (data: Buffer) => listener(data.toString(), data);
  stdin.setRawMode(true);
  stdin.on('data', take);
  return () => {
    stdin.off('data', take);
    stdin.setRawMode(false);
    stdin.pause();
  };
}

/** The raw mode of libuv writes a carriage return with each line feed (ONLCR of termios(3)); its end sets everything back. */
function passLineEnds(): void {
  spawnSync('stty', ['-opost'], { stdio: [0, 'ignore', 'ignore'] });
}

/** Touches standard input only when it is read, so that a command that does not read leaves it to the next program. */
async function* lazyStdin(): AsyncGenerator<Uint8Array> {
  for await (const chunk of process.stdin) yield chunk;
}

/** Resolves when all output has left this process, or its reader has gone. */
async function allWritten(): Promise<void> {
  await Promise.all([written(process.stdout), written(process.stderr)]);
}

function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}

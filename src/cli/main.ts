#!/usr/bin/env node
import { isatty } from 'node:tty';
import type { Host, Sink } from './host.js';
import { run } from './run.js';

/*
 * The one place that ends the process. Modules that a command may not need (sockets, the server) are loaded by the
 * command that does.
 */

const host: Host = {
  env: process.env,
  cwd: process.cwd(),
  now: () => Date.now(),
  out: sinkOf(process.stdout),
  err: sinkOf(process.stderr),
  stdin: lazyStdin(),
  stdinTerminal: isatty(0),
  connect: async (endpoint) => {
    const { connect } = await import('../transport/client.js');
    return connect(endpoint === undefined ? {} : { endpoint });
  },
  serve: async (request) => {
    const { serve } = await import('../server/serve.js');
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
await Promise.all([written(process.stdout), written(process.stderr)]);
process.exit(code);

/**
 * A reader that has seen enough (`supertree ps | head -1`) closes the pipe: the write fails with EPIPE. What comes after it
 * is dropped, and the exit code stays that of the command.
 */
function sinkOf(stream: NodeJS.WriteStream): Sink {
  let broken = false;
  stream.on('error', () => {
    broken = true;
  });
  return {
    write: (data) => {
      if (!broken) stream.write(data);
    },
    terminal: stream.isTTY === true,
    columns: stream.isTTY === true ? stream.columns : Number.POSITIVE_INFINITY,
  };
}

/** Touches standard input only when it is read, so that a command that does not read leaves it to the next one. */
async function* lazyStdin(): AsyncGenerator<Uint8Array> {
  for await (const chunk of process.stdin) yield chunk;
}

/** Resolves when everything written so far has left this process, or never will. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}

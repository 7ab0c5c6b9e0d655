import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * The interpreter of the system where there is one: Debian's has python3-zmq and python3-msgpack. The first one in the path may be the shell script of a
 * version manager, which takes five times the processor time.
 */
export const PYTHON = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

/** The words that run the built command line. */
export const PROGRAM: readonly [string, ...string[]] = [
  process.execPath,
  fileURLToPath(new URL('../dist/cli/main.js', import.meta.url)),
];

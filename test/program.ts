import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The words that run the built command line. */
export const PROGRAM: readonly [string, ...string[]] = [
  process.execPath,
  fileURLToPath(new URL('../dist/cli/main.js', import.meta.url)),
];

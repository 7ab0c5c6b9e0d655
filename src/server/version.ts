import { readFileSync } from 'node:fs';

/** The version of this package. */
export const VERSION: string = manifest().version;

/** The lowest version of Node that this package runs on: `20.8`. */
export const REQUIRED_NODE: string = manifest().engines.node.replace(/^>=/, '');

interface Manifest {
  readonly version: string;
  readonly engines: { readonly node: string };
}

function manifest(): Manifest {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
}

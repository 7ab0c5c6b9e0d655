import { readFileSync } from 'node:fs';

/** The version of this package. */
export const VERSION: string = versionOf(new URL('../../package.json', import.meta.url));

function versionOf(file: URL): string {
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}

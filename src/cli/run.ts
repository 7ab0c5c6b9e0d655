import { readFileSync } from 'node:fs';
import { EXIT, endingOf } from './exit.js';
import type { Host } from './host.js';
import { createProgram } from './program.js';
import { guarded } from './terminal.js';

/** Runs one command line, without the program's name. Resolves with the exit code; never rejects and never exits. */
export async function run(argv: readonly string[], given: Host): Promise<number> {
  // The prototype instead of a copy: `cwd` is a getter that may throw.
  const host: Host = Object.create(given, { out: { value: guarded(given.out) }, err: { value: guarded(given.err) } });
  let code: number = EXIT.done;
  try {
    const program = createProgram({ host, argv, finish: (finished) => (code = finished) }, version());
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (thrown) {
    const ending = endingOf(thrown);
    if (ending.line !== '') host.err.write(`${ending.line}\n`);
    return ending.code;
  }
}

/** The version of the package; package.json is two directories above both src/cli and dist/cli. */
function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return String((manifest as { version: unknown }).version);
}

import { readFileSync } from 'node:fs';
import { parse } from 'dotenv';
import { messageOf } from '../errors.js';
import { ownValue, spawnProblem } from './arguments.js';

type Variables = Readonly<Record<string, string | undefined>>;

/** Lines that begin a variable, comments and blank lines. */
const UNDERSTOOD = /^\s*(?:#|$|(?:export\s+)?[\w.-]+(?:\s*=|:\s))/;
/** A name that dotenv leaves out without a word. */
const LOST = /^\s*(?:export\s+)?__proto__(?:\s*=|:\s|\s*(?:#|$))/;
const NAME_ALONE = /^\s*(?:export\s+)?([\w.-]+)\s*(?:#.*)?$/;
const PROBE = 'SUPERTREE_PROBE';

/**
 * The variables of a file as dotenv reads it: NAME=VALUE a line, optionally after `export`, with quotes, comments, and quoted values over several
 * lines. A NAME alone takes its value from `own`. Throws USAGE for a file that cannot be read and for a line that dotenv would ignore, with the line
 * number and never the text, which may be a secret.
 */
export function readEnvFile(file: string, own: Variables): Record<string, string> {
  const text = textOf(file);
  const lines = text.split(/\r\n|\n|\r/);
  const found = parse(text);
  for (const [index, line] of lines.entries()) {
    if ((UNDERSTOOD.test(line) && !LOST.test(line)) || isInsideQuotes(lines, index)) continue;
    const where = `Line ${index + 1} of ${file}`;
    if (LOST.test(line)) throw spawnProblem(`${where} is invalid. No variable may be called __proto__`);
    const name = NAME_ALONE.exec(line)?.[1];
    if (name === undefined)
      throw spawnProblem(`${where} is invalid. It must be NAME=VALUE, or a NAME that is set here`);
    found[name] = ownValue(name, own, where);
  }
  return found;
}

/** True when the line continues a quoted value. dotenv itself decides, by whether it finds a variable that is put in front of the line. */
function isInsideQuotes(lines: readonly string[], index: number): boolean {
  return parse([...lines.slice(0, index), `${PROBE}=1`, ...lines.slice(index)].join('\n'))[PROBE] !== '1';
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (thrown) {
    throw spawnProblem(`${file} cannot be read: ${messageOf(thrown)}`);
  }
}

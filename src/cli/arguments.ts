import { constants } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { SupertreeError } from '../errors.js';
import { idProblem } from '../model/id.js';
import { keyNameProblem } from '../protocol/key-name.js';
import type { Host } from './host.js';

/*
 * What words on the command line must look like. Each parser throws what commander turns into one line with the
 * field, the value and the rule.
 */

const PORT_NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

/** A whole number of at least 0. */
export function count(value: string): number {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw new InvalidArgumentError('It must be a whole number of at least 0.');
  return number;
}

/** A whole number of at least 1. */
export function positive(value: string): number {
  const number = /^\d+$/.test(value) ? Number(value) : 0;
  if (!Number.isSafeInteger(number) || number < 1) {
    throw new InvalidArgumentError('It must be a whole number of at least 1.');
  }
  return number;
}

/** How long between two looks, in ms. Longer than a day is taken for a mistake, and no timer can be longer than 24 of them. */
export function interval(value: string): number {
  const ms = positive(value);
  if (ms > DAY) throw new InvalidArgumentError(`It must be at most ${DAY} (a day).`);
  return ms;
}

const DAY = 86_400_000;

/** The id of a new agent. */
export function newId(value: string): string {
  const problem = idProblem(value);
  if (problem !== null) throw new InvalidArgumentError(`It ${problem}.`);
  return value;
}

/** One more port name. */
export function portName(value: string, before: readonly string[] = []): string[] {
  if (!PORT_NAME.test(value)) throw new InvalidArgumentError(`It must match ${PORT_NAME.source}.`);
  if (before.includes(value)) throw new InvalidArgumentError('It must be given only once.');
  return [...before, value];
}

type Variables = Readonly<Record<string, string | undefined>>;

/** One more environment variable; a name alone takes the value that it has in `own`. Throws USAGE with its name and never its value, which may be a secret. */
export function variable(own: Variables): (text: string, before?: Record<string, string>) => Record<string, string> {
  return (text, before = {}) => ({ ...before, ...variableIn(text, own) });
}

function variableIn(text: string, own: Variables): Record<string, string> {
  const where = `Option '--env <NAME[=VALUE]>'`;
  const cut = text.indexOf('=');
  if (cut > 0) return { [text.slice(0, cut)]: text.slice(cut + 1) };
  if (cut === 0 || text === '')
    throw spawnProblem(`${where} is invalid. It must be NAME=VALUE, or a NAME that is set here`);
  return { [text]: ownValue(text, own, where) };
}

/** The value that `name` has in `own`. Throws USAGE, telling `where` the name stands, when it has none. */
export function ownValue(name: string, own: Variables, where: string): string {
  const value = own[name];
  if (value === undefined) throw spawnProblem(`${where} is '${name}' without a value, and ${name} is not set here`);
  return value;
}

/** What is wrong with the command line of `spawn`. */
export function spawnProblem(problem: string): SupertreeError {
  return new SupertreeError('USAGE', { problem, command: 'spawn' });
}

/** The name of a signal; a number stands for the name that it has. Throws USAGE for one that has none. */
export function signalName(value: string): string {
  if (!/^\d+$/.test(value)) return value;
  const names = Object.entries(constants.signals);
  const name = names.find(([, number]) => number === Number(value))?.[0];
  if (name !== undefined) return name;
  const problem = `There is no signal ${value} with a name; use one of ${names.map(([each]) => each).join(', ')}`;
  throw new SupertreeError('USAGE', { problem, command: 'signal' });
}

/** The parser of a path that is made absolute as `absolutePath` does. */
export function absolute(host: Pick<Host, 'cwd'>): (value: string) => string {
  return (value) => {
    if (value === '') throw new InvalidArgumentError('It must not be empty.');
    return absolutePath(host, value);
  };
}

/** A path made absolute; a relative one is relative to the present directory. Throws CWD_GONE when it needs that and it is gone. */
export function absolutePath(host: Pick<Host, 'cwd'>, path: string): string {
  return isAbsolute(path) ? resolve(path) : resolve(host.cwd, path);
}

/** A word with something in it. */
export function nonEmpty(value: string): string {
  if (value.trim() === '') throw new InvalidArgumentError('It must not be empty.');
  return value;
}

/** The name of a key, which becomes the name of its files. Throws USAGE. */
export function keyName(value: string): string {
  const problem = keyNameProblem(value) ?? (/^[.]/.test(value) ? 'must not begin with a dot' : null);
  if (problem !== null)
    throw new SupertreeError('USAGE', { problem: `The name of a key ${problem}`, command: 'keygen' });
  return value;
}

import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { SupertreeError } from '../errors.js';
import { idProblem } from '../model/id.js';

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

/** One more environment variable. Throws USAGE with its name and never its value, which may be a secret. */
export function variable(value: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const cut = value.indexOf('=');
  if (cut > 0) return { ...before, [value.slice(0, cut)]: value.slice(cut + 1) };
  const shown = cut < 0 ? value : '=...';
  const problem = `Option '--env <NAME=VALUE>' argument '${shown}' is invalid. It must be NAME=VALUE`;
  throw new SupertreeError('USAGE', { problem, command: 'spawn' });
}

/** A path made absolute. */
export function absolute(cwd: string): (value: string) => string {
  return (value) => {
    if (value === '') throw new InvalidArgumentError('It must not be empty.');
    return resolve(cwd, value);
  };
}

/** A word with something in it. */
export function nonEmpty(value: string): string {
  if (value.trim() === '') throw new InvalidArgumentError('It must not be empty.');
  return value;
}

/** The name of a key, which becomes the name of its files. */
export function keyName(value: string): string {
  if (!/^[\w@-][\w.@-]{0,63}$/.test(value)) {
    const problem = 'The name of a key must be 1 to 64 letters, digits, _ . @ or -, and not begin with a dot';
    throw new SupertreeError('USAGE', { problem, command: 'keygen' });
  }
  return value;
}

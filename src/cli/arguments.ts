import { constants } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { SupertreeError } from '../errors.js';
import { idProblem } from '../model/id.js';
import { isTerminalLength, type RlimitInput, type TerminalSize } from '../model/process.js';
import { keyNameProblem } from '../protocol/key-name.js';
import type { Host } from './host.js';

/* Parsers of arguments and option values. Each throws an error that commander turns into one line with the field, the value and the rule. */

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

/** A whole number. */
export function integer(value: string): number {
  if (!/^[+-]?\d+$/.test(value)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(value);
}

/** A uid or gid in digits as a number; a name of a user or group unchanged. */
export function nameOrId(value: string): string | number {
  return /^\d+$/.test(value) ? Number(value) : nonEmpty(value);
}

/** Adds a limit, NAME=SOFT:HARD or NAME=BOTH, to those before it. */
export function rlimit(value: string, before: Record<string, RlimitInput> = {}): Record<string, RlimitInput> {
  const [, name, soft, hard] = /^(\w+)=(\d+|infinity)(?::(\d+|infinity))?$/.exec(value) ?? [];
  if (name === undefined || soft === undefined)
    throw new InvalidArgumentError(
      'It must be NAME=LIMIT or NAME=SOFT:HARD, a limit being a whole number or infinity.',
    );
  return { ...before, [name]: hard === undefined ? limitOf(soft) : { soft: limitOf(soft), hard: limitOf(hard) } };
}

/** The size of a terminal, COLUMNSxROWS. */
export function terminalSize(value: string): TerminalSize {
  const [, columns, rows] = /^(\d+)x(\d+)$/.exec(value) ?? [];
  const size = { columns: Number(columns), rows: Number(rows) };
  if (!isTerminalLength(size.columns) || !isTerminalLength(size.rows))
    throw new InvalidArgumentError('It must be COLUMNSxROWS, such as 120x40, each from 1 to 65535.');
  return size;
}

function limitOf(text: string): number | 'infinity' {
  return text === 'infinity' ? text : Number(text);
}

/** An interval in ms. More than a day is taken for a mistake; Node's timers end at 24 days. */
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

/** Adds a port name to those before it. */
export function portName(value: string, before: readonly string[] = []): string[] {
  if (!PORT_NAME.test(value)) throw new InvalidArgumentError(`It must match ${PORT_NAME.source}.`);
  if (before.includes(value)) throw new InvalidArgumentError('It must be given only once.');
  return [...before, value];
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Adds an environment variable; a name alone takes its value from `own`. Throws USAGE with the name and never the value, which may be a secret. */
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

/** `all`, `none`, or names of variables with commas between. */
export function inheritance(value: string): 'all' | 'none' | string[] {
  if (value === 'all' || value === 'none') return value;
  return value.split(',').reduce<string[]>((before, name) => variableNames(name, before), []);
}

/** Adds the name of a variable to those before it. */
export function variableNames(name: string, before: readonly string[] = []): string[] {
  if (name === '' || name.includes('=')) throw new InvalidArgumentError('It must be the name of a variable.');
  return [...before, name];
}

/** The value of `name` in `own`. Throws USAGE, with the place of the name in `where`, when it has none. */
export function ownValue(name: string, own: Variables, where: string): string {
  const value = Object.hasOwn(own, name) ? own[name] : undefined;
  if (value === undefined) throw spawnProblem(`${where} is '${name}' without a value, and ${name} is not set here`);
  return value;
}

/** The error for a bad command line of `spawn`. */
export function spawnProblem(problem: string): SupertreeError {
  return new SupertreeError('USAGE', { problem, command: 'spawn' });
}

/** The name of a signal, given by name or number. Throws USAGE for an unknown one. */
export function signalName(value: string): string {
  if (!/^\d+$/.test(value)) return value;
  const names = Object.entries(constants.signals);
  const name = names.find(([, number]) => number === Number(value))?.[0];
  if (name !== undefined) return name;
  const problem = `There is no signal ${value} with a name; use one of ${names.map(([each]) => each).join(', ')}`;
  throw new SupertreeError('USAGE', { problem, command: 'signal' });
}

/** A parser that makes a path absolute as `absolutePath` does. */
export function absolute(host: Pick<Host, 'cwd'>): (value: string) => string {
  return (value) => {
    if (value === '') throw new InvalidArgumentError('It must not be empty.');
    return absolutePath(host, value);
  };
}

/** A path made absolute, relative to the current directory. Throws CWD_GONE when the path is relative and that directory no longer exists. */
export function absolutePath(host: Pick<Host, 'cwd'>, path: string): string {
  return isAbsolute(path) ? resolve(path) : resolve(host.cwd, path);
}

/** A text that is not blank. */
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

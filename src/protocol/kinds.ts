import { cut, SupertreeError } from '../errors.js';
import { exact, exactJson } from './codec.js';

/** One kind of value on the wire: how every accepted form of it is read, and the one form in which it is written. */
export interface Kind<T> {
  /** Its name on the reference page. */
  readonly name: string;
  /** Throws MESSAGE_INVALID with the field, the rule and the value. */
  read(value: unknown, at: string): T;
  /** Returns an exact value: see codec.ts. */
  write(value: T): unknown;
}

export interface Field<T> {
  readonly kind: Kind<T>;
  /** True when it must be present. */
  readonly required: boolean;
  /** True when it may be nil. */
  readonly nullable: boolean;
  /** The value when it is absent. */
  readonly fallback: T | null;
  /** True for additions of supertree: only in map form, and left out when empty. */
  readonly addition: boolean;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;

/** The values of a struct, typed from its table. */
export type ValuesOf<F extends Fields> = {
  -readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never;
};

/** A wall-clock time on the wire: seconds since 1970 and nanoseconds. */
export type WireTime = readonly [secs: number, nanos: number];

export function required<T>(kind: Kind<T>): Field<T> {
  return { kind, required: true, nullable: false, fallback: null, addition: false };
}

/** May be absent or nil. */
export function optional<T>(kind: Kind<T>): Field<T | null> {
  return { kind, required: false, nullable: true, fallback: null, addition: false };
}

/** May be absent, but not nil. */
export function defaulted<T>(kind: Kind<T>, fallback: T): Field<T> {
  return { kind, required: false, nullable: false, fallback, addition: false };
}

/** A key that the agent protocol does not have. */
export function addition<T>(kind: Kind<T>): Field<T | null> {
  return { ...optional(kind), addition: true };
}

/** The error for a value that breaks a rule. `shown` replaces the value where it must not be repeated. */
export function invalid(at: string, rule: string, value: unknown, shown: string = show(value)): SupertreeError {
  const problem = `${at} ${rule}, got ${shown}`;
  return new SupertreeError('MESSAGE_INVALID', { problem, field: at, rule, value: shown });
}

export const string: Kind<string> = {
  name: 'string',
  read: (given, at) => {
    if (typeof given !== 'string') throw invalid(at, 'must be a string', given);
    return given;
  },
  write: exact,
};

export const bool: Kind<boolean> = simple('bool', 'must be true or false', (value) =>
  typeof value === 'boolean' ? value : undefined,
);

/** An integer from 0 that a number holds exactly; any width is read, and an integral float. */
export const uint: Kind<number> = simple('u64', 'must be an integer from 0', (value) => {
  const number = integerOf(value);
  return number !== undefined && number >= 0 ? number : undefined;
});

export const int: Kind<number> = simple('i64', 'must be an integer', integerOf);

/** As `kind`, with larger integers read as the largest exact one: some clients mean "all" or "for ever" by the largest integer they have. */
export function saturating(kind: Kind<number>): Kind<number> {
  return { ...kind, read: (given, at) => kind.read(isBeyond(given) ? Number.MAX_SAFE_INTEGER : given, at) };
}

/** Read from 16 bytes or from text, kept as lower-case text with hyphens, written as 16 bytes. */
export const uuid: Kind<string> = {
  name: 'uuid',
  read: (value, at) => {
    const read = uuidOf(value);
    if (read === null) throw invalid(at, 'must be a uuid: 16 bytes, or a string', value);
    return read;
  },
  write: (value) => Buffer.from(value.replaceAll('-', ''), 'hex'),
};

/** As `uuid`, but another value is read too, as the text in which an error would show it: it must not invalidate its list. */
export const anyId: Kind<string> = {
  name: 'uuid',
  read: (value) => uuidOf(value) ?? show(value),
  write: (value) => (isUuid(value) ? uuid.write(value) : value),
};

/** The id as text with hyphens, from any accepted form; `null` for other values. */
export function uuidOf(value: unknown): string | null {
  if (value instanceof Uint8Array) return value.length === 16 ? hyphenated(hexOf(value)) : null;
  const hex = uuidDigits(value);
  return /^[0-9a-f]{32}$/.test(hex) ? hyphenated(hex) : null;
}

/** True for a uuid in the text form of `uuid`. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}

/** Read from `[secs, nanos]` or from a map with these two keys. */
export const time: Kind<WireTime> = {
  name: 'time',
  read: (value, at) => {
    const pair = Array.isArray(value) ? value : isMap(value) ? [value.secs_since_epoch, value.nanos_since_epoch] : [];
    if (pair.length !== 2) throw invalid(at, 'must be [seconds, nanoseconds]', value);
    return [uint.read(pair[0], `${at}[0]`), uint.read(pair[1], `${at}[1]`)];
  },
  write: exact,
};

/** Any JSON value, and bytes. */
export const value: Kind<unknown> = { name: 'value', read: (given) => given, write: exact };

/** As `value`, but written as JSON. */
export const json: Kind<unknown> = { ...value, write: exactJson };

/** A list of integers from 0 to 255, or bytes; written as the list. */
export const bytes: Kind<Uint8Array> = {
  name: 'u8[]',
  read: (given, at) => {
    const data = bytesOf(given);
    if (data === null) throw invalid(at, 'must be a list of integers from 0 to 255', given);
    return data;
  },
  write: (given) => [...given],
};

export function oneOf<const N extends string>(name: string, names: readonly N[], anyCase = false): Kind<N> {
  const known = new Map<string, N>(names.map((each) => [each, each]));
  return simple(name, `must be one of ${names.join(', ')}`, (given) => {
    // A unit variant may also come as a map with its name as the only key.
    const word = isMap(given) && Object.keys(given).length === 1 ? Object.keys(given)[0] : given;
    return typeof word === 'string' ? known.get(anyCase ? word.toLowerCase() : word) : undefined;
  });
}

export function list<T>(kind: Kind<T>): Kind<T[]> {
  return {
    name: `${kind.name}[]`,
    read: (given, at) => {
      if (!Array.isArray(given)) throw invalid(at, 'must be a list', given);
      return given.map((item, index) => kind.read(item, `${at}[${index}]`));
    },
    write: (given) => given.map((item) => kind.write(item)),
  };
}

export function map<T>(kind: Kind<T>): Kind<Record<string, T>> {
  return {
    name: `map of ${kind.name}`,
    read: (given, at) => {
      // The wrong value in place of a map may contain secrets, such as an environment.
      if (!isMap(given)) throw invalid(at, 'must be a map', given, `a ${typeName(given)}`);
      return Object.fromEntries(Object.entries(given).map(([key, item]) => [key, kind.read(item, `${at}.${key}`)]));
    },
    write: (given) => Object.fromEntries(Object.entries(given).map(([key, item]) => [key, kind.write(item)])),
  };
}

/** A map with any values. */
export const valueMap: Kind<Record<string, unknown>> = {
  name: 'map of value',
  read: (given, at) => {
    if (!isMap(given)) throw invalid(at, 'must be a map', given);
    return given;
  },
  write: exact,
};

/** A string that no error may show. */
export const secret: Kind<string> = {
  name: 'string',
  read: (given, at) => {
    if (typeof given !== 'string') throw invalid(at, 'must be a string', given, `a ${typeName(given)}`);
    return given;
  },
  write: exact,
};

/** Bytes from a list of integers or from bytes; `null` when it is neither. */
export function bytesOf(given: unknown): Uint8Array | null {
  if (given instanceof Uint8Array) return given;
  if (!Array.isArray(given)) return null;
  const all = given.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255);
  return all ? Uint8Array.from(given as number[]) : null;
}

export function isMap(given: unknown): given is Record<string, unknown> {
  return typeof given === 'object' && given !== null && !Array.isArray(given) && !(given instanceof Uint8Array);
}

/** A value in at most 60 characters, for an error. */
export function show(given: unknown): string {
  if (given === undefined) return 'nothing';
  if (given instanceof Uint8Array) return `${given.length} bytes`;
  if (typeof given === 'object' && given !== null) return `a ${typeName(given)}`;
  const text = typeof given === 'string' ? JSON.stringify(given) : String(given);
  return text.length > 60 ? `${cut(text, 57)}...` : text;
}

function typeName(given: unknown): string {
  if (given === null) return 'nil';
  return Array.isArray(given) ? 'list' : given instanceof Uint8Array ? 'bin' : isMap(given) ? 'map' : typeof given;
}

function simple<T>(name: string, rule: string, parse: (value: unknown) => T | undefined): Kind<T> {
  return {
    name,
    read: (given, at) => {
      const parsed = parse(given);
      if (parsed === undefined) throw invalid(at, rule, given);
      return parsed;
    },
    write: exact,
  };
}

function isBeyond(given: unknown): boolean {
  return (typeof given === 'bigint' || Number.isInteger(given)) && (given as number) > Number.MAX_SAFE_INTEGER;
}

function integerOf(given: unknown): number | undefined {
  const number = typeof given === 'bigint' ? Number(given) : given;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined;
}

function uuidDigits(given: unknown): string {
  if (typeof given !== 'string') return '';
  const digits = given
    .toLowerCase()
    .replace(/^urn:uuid:/, '')
    .replace(/^\{(.*)\}$/, '$1');
  const grouped = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(digits);
  return grouped ? digits.replaceAll('-', '') : digits;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

function hyphenated(hex: string): string {
  const [a, b, c, d] = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return `${a}-${b}-${c}-${d}-${hex.slice(20)}`;
}

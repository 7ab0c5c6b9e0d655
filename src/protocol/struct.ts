import { type Field, type Fields, invalid, isMap, type Kind, type ValuesOf } from './kinds.js';

/** A struct in a message: read from an array in table order or from a map, written as a map. */
export function struct<F extends Fields>(name: string, fields: F): Kind<ValuesOf<F>> & { readonly fields: F } {
  return {
    name,
    fields,
    read: (given, at) => readFields(fields, given, at),
    write: (given) => writeFields(fields, given),
  };
}

/** Reads the fields after those in `read`: in array form as many elements precede them. Throws MESSAGE_INVALID. */
export function readFields<F extends Fields>(
  fields: F,
  given: unknown,
  at: string,
  read: Record<string, unknown> = {},
): ValuesOf<F> {
  if (Array.isArray(given)) return readArray(fields, given, at, read);
  if (!isMap(given)) throw invalid(at, 'must be an array or a map', given);
  for (const [name, field] of Object.entries(fields)) read[name] = readField(field, given[name], at, name);
  return read as ValuesOf<F>;
}

/** The fields in map form, after those in `written`. */
export function writeFields<F extends Fields>(
  fields: F,
  given: ValuesOf<F>,
  written: Record<string, unknown> = {},
): Record<string, unknown> {
  for (const [name, field] of Object.entries(fields)) {
    const item = (given as Record<string, unknown>)[name] ?? null;
    if (item !== null || !field.nullable) written[name] = field.kind.write(item);
    else if (!field.addition) written[name] = null;
  }
  return written;
}

function readArray<F extends Fields>(
  fields: F,
  given: readonly unknown[],
  at: string,
  read: Record<string, unknown>,
): ValuesOf<F> {
  const from = Object.keys(read).length;
  const names = Object.keys(fields).filter((name) => fields[name]?.addition === false);
  if (given.length - from > names.length) {
    throw invalid(at, `must have at most ${names.length + from} elements`, given, `${given.length}`);
  }
  for (const [name, field] of Object.entries(fields)) {
    const index = names.indexOf(name);
    read[name] = readField(field, index < 0 ? undefined : given[index + from], at, name);
  }
  return read as ValuesOf<F>;
}

function readField(field: Field<unknown>, given: unknown, at: string, name: string): unknown {
  if (given === null && field.nullable) return null;
  if (given !== undefined) return field.kind.read(given, `${at}.${name}`);
  if (field.required) throw invalid(`${at}.${name}`, 'is missing', undefined);
  return field.fallback;
}

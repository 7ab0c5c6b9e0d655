/** Data nested deeper than this is replaced by `null`: no message of supertree comes near it. */
const MAX_DEPTH = 256;

/**
 * A value that msgpackr packs so that every other implementation reads it: `undefined` is left out, wide integers are bigints (msgpackr would write
 * numbers from 2^32 on as floats, which strict readers refuse), and an unpaired surrogate, which UTF-8 cannot encode, is U+FFFD. Returns the same object
 * when nothing changes.
 */
export function exact(value: unknown): unknown {
  return exactValue(value, asBuffer, 0);
}

/** As `exact`, restricted to JSON: a strict reader accepts bytes within a value only as a list of integers. */
export function exactJson(value: unknown): unknown {
  return exactValue(value, asList, 0);
}

type WriteBytes = (bytes: Uint8Array) => unknown;

function exactValue(value: unknown, bytes: WriteBytes, depth: number): unknown {
  switch (typeof value) {
    case 'number':
      return exactNumber(value);
    case 'object':
      return value === null ? null : exactObject(value, bytes, depth);
    case 'string':
      return value.toWellFormed();
    case 'boolean':
    case 'bigint':
      return value;
    default:
      return undefined;
  }
}

function exactNumber(value: number): number | bigint {
  const narrow = value <= 0xffff_ffff && value >= -0x8000_0000;
  return narrow || !Number.isInteger(value) || Math.abs(value) >= 2 ** 63 ? value : BigInt(value);
}

function asBuffer(value: Uint8Array): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

function asList(value: Uint8Array): number[] {
  return [...value];
}

function exactObject(value: object, bytes: WriteBytes, depth: number): unknown {
  if (value instanceof Uint8Array) return bytes(value);
  if (depth > MAX_DEPTH) return null;
  if (Array.isArray(value)) return exactArray(value, bytes, depth);
  if (value instanceof Error) return value.message;
  return exactMap(value as Record<string, unknown>, bytes, depth);
}

function exactArray(list: readonly unknown[], bytes: WriteBytes, depth: number): unknown {
  let copy: unknown[] | null = null;
  for (let i = 0; i < list.length; i++) {
    const item = exactValue(list[i], bytes, depth + 1);
    if (item !== list[i]) {
      copy ??= [...list];
      copy[i] = item;
    }
  }
  return copy ?? list;
}

function exactMap(map: Readonly<Record<string, unknown>>, bytes: WriteBytes, depth: number): unknown {
  let copy: Record<string, unknown> | null = Object.getPrototypeOf(map) === Object.prototype ? null : { ...map };
  for (const key of Object.keys(map)) {
    const item = exactValue(map[key], bytes, depth + 1);
    if (item === map[key] && item !== undefined) continue;
    copy ??= { ...map };
    if (item === undefined) delete copy[key];
    else copy[key] = item;
  }
  return copy ?? map;
}

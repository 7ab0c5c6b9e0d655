import { Packr, Unpackr } from 'msgpackr';

const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });

/** Data nested deeper than this is cut off with `null`: nothing we send comes near it. */
const MAX_ENCODE_DEPTH = 256;

/**
 * One value as MessagePack that every other implementation reads: plain maps, no extensions, `undefined` left out, and no
 * float64 where an integer is meant (msgpackr would write integers from 2^32 on as floats, which strict readers refuse).
 */
export function pack(value: unknown): Buffer {
  return packr.pack(exact(value, 0));
}

/** Reads a document that `scan` has accepted; 64-bit integers become numbers where they fit, else bigints. */
export function unpack(bytes: Uint8Array): unknown {
  return unpackr.unpack(bytes);
}

/** The value with wide integers as bigints and without what is not data. Returns the same object where nothing changes. */
function exact(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'number':
      return exactNumber(value);
    case 'object':
      return value === null || value instanceof Uint8Array ? asBuffer(value) : exactObject(value, depth);
    case 'string':
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

function asBuffer(value: Uint8Array | null): unknown {
  return value === null || Buffer.isBuffer(value)
    ? value
    : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

function exactObject(value: object, depth: number): unknown {
  if (depth > MAX_ENCODE_DEPTH) return null;
  if (Array.isArray(value)) return exactArray(value, depth);
  if (value instanceof Error) return value.message;
  return exactMap(value as Record<string, unknown>, depth);
}

function exactArray(list: readonly unknown[], depth: number): unknown {
  let copy: unknown[] | null = null;
  for (let i = 0; i < list.length; i++) {
    const item = exact(list[i], depth + 1);
    if (item !== list[i]) {
      copy ??= [...list];
      copy[i] = item;
    }
  }
  return copy ?? list;
}

function exactMap(map: Readonly<Record<string, unknown>>, depth: number): unknown {
  let copy: Record<string, unknown> | null = Object.getPrototypeOf(map) === Object.prototype ? null : { ...map };
  for (const key of Object.keys(map)) {
    const item = exact(map[key], depth + 1);
    if (item === map[key] && item !== undefined) continue;
    copy ??= { ...map };
    if (item === undefined) delete copy[key];
    else copy[key] = item;
  }
  return copy ?? map;
}

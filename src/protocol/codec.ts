import { Packr, Unpackr } from 'msgpackr';

const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true });

/** Packs one value as MessagePack that every other implementation reads: plain maps, no extensions, integers as integers. */
export function pack(value: unknown): Buffer {
  return packr.pack(exact(value));
}

/** As `pack`, for a value that went through `exact` already. */
export function packExact(value: unknown): Buffer {
  return packr.pack(value);
}

/** A 64-bit integer is read as a number, or as a bigint where a number does not hold it; msgpackr's types lack that option. */
const NUMBERS = { useRecords: false, int64AsType: 'auto' as 'number' };

/*
 * msgpackr silently renames a key `__proto__` when it makes objects. So a document that contains this text is read as Maps, which are then turned into objects with that
 * key. The search for the text takes less than a hundredth of the time of decoding.
 */
const toObjects = new Unpackr({ ...NUMBERS, mapsAsObjects: true });
const toMaps = new Unpackr({ ...NUMBERS, mapsAsObjects: false });
const PROTO = Buffer.from('__proto__');

/** Reads a document that `scan` has accepted. A 64-bit integer is a number, or a bigint where no number holds it. */
export function unpack(bytes: Uint8Array): unknown {
  const hasProto = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(PROTO);
  return hasProto ? withOwnKeys(toMaps.unpack(bytes)) : toObjects.unpack(bytes);
}

/** As `unpack`, for a document that was not scanned; `null` when it is none. */
export function unpackUnscanned(bytes: Uint8Array): unknown {
  try {
    return unpack(bytes);
  } catch {
    return null;
  }
}

/** `Object.fromEntries` defines keys where an assignment would set the prototype. */
function withOwnKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withOwnKeys);
  if (!(value instanceof Map)) return value;
  return Object.fromEntries([...value].map(([key, item]) => [key, withOwnKeys(item)]));
}

/** Data nested deeper than this is replaced by `null`: no message of supertree comes near it. */
const MAX_DEPTH = 256;

type WriteBytes = (bytes: Uint8Array) => unknown;

/**
 * A value that msgpackr packs so that every other implementation reads it: `undefined` is left out, wide integers are bigints (msgpackr would write
 * numbers from 2^32 on as floats, which strict readers refuse), and an unpaired surrogate, which UTF-8 cannot encode, is U+FFFD. Returns the same object
 * when nothing changes. `bytes` writes the bytes within it; if not given, they stay bytes.
 */
export function exact(value: unknown, bytes: WriteBytes = asBuffer, depth = 0): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value === 'number') return exactNumber(value);
  if (typeof value === 'boolean' || typeof value === 'bigint' || value === null) return value;
  if (typeof value !== 'object') return undefined;
  if (value instanceof Uint8Array) return bytes(value);
  if (depth > MAX_DEPTH) return null;
  if (Array.isArray(value)) return exactArray(value, bytes, depth);
  return value instanceof Error ? value.message : exactMap(value as Record<string, unknown>, bytes, depth);
}

/** As `exact`, restricted to JSON: a strict reader accepts bytes within a value only as a list of integers. */
export function exactJson(value: unknown): unknown {
  return exact(value, asList);
}

function asBuffer(value: Uint8Array): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

function asList(value: Uint8Array): number[] {
  return [...value];
}

function exactNumber(value: number): number | bigint {
  const narrow = value <= 0xffff_ffff && value >= -0x8000_0000;
  return narrow || !Number.isInteger(value) || Math.abs(value) >= 2 ** 63 ? value : BigInt(value);
}

function exactArray(list: readonly unknown[], bytes: WriteBytes, depth: number): unknown {
  let copy: unknown[] | null = null;
  for (let i = 0; i < list.length; i++) {
    const item = exact(list[i], bytes, depth + 1);
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
    const item = exact(map[key], bytes, depth + 1);
    if (item === map[key] && item !== undefined) continue;
    copy ??= { ...map };
    if (item === undefined) delete copy[key];
    else copy[key] = item;
  }
  return copy ?? map;
}

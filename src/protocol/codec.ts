import { Packr, Unpackr } from 'msgpackr';
import { exact } from './exact.js';

const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });

/** Packs one value as MessagePack that every other implementation reads: plain maps, no extensions, integers as integers. */
export function pack(value: unknown): Buffer {
  return packr.pack(exact(value));
}

/** As `pack`, for a value that went through `exact` already. */
export function packExact(value: unknown): Buffer {
  return packr.pack(value);
}

/** Reads a document that `scan` has accepted. Every 64-bit integer is a bigint, however small: the kinds narrow it. */
export function unpack(bytes: Uint8Array): unknown {
  return namesProto(bytes) ? withOwnKeys(unpackedMaps.unpack(bytes)) : unpackr.unpack(bytes);
}

/** Reads 64-bit integers as numbers where a number holds them exactly; msgpackr's types lack that option. */
const numbers = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'auto' as 'number' });

/** Reads an unchecked document; `null` when it is invalid. A 64-bit integer is a number, or a bigint where a number does not hold it. */
export function unpackNumbers(bytes: Uint8Array): unknown {
  try {
    return namesProto(bytes) ? withOwnKeys(numberedMaps.unpack(bytes)) : numbers.unpack(bytes);
  } catch {
    return null;
  }
}

/*
 * msgpackr gives a key `__proto__` another name, silently, when it makes objects. So a document that may have one is read as Maps, of which objects are made that have
 * this key as any other; looking for the name costs less than a hundredth of the decoding.
 */
const unpackedMaps = new Unpackr({ useRecords: false, mapsAsObjects: false });
const numberedMaps = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'auto' as 'number' });
const PROTO = Buffer.from('__proto__');

function namesProto(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(PROTO);
}

/** `Object.fromEntries` defines keys where an assignment would set the prototype. */
function withOwnKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withOwnKeys);
  if (!(value instanceof Map)) return value;
  return Object.fromEntries([...value].map(([key, item]) => [key, withOwnKeys(item)]));
}

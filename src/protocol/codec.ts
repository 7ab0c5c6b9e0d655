import { Packr, Unpackr } from 'msgpackr';
import { exact } from './exact.js';

const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });

/** One value as MessagePack that every other implementation reads: plain maps, no extensions, integers as integers. */
export function pack(value: unknown): Buffer {
  return packr.pack(exact(value));
}

/** As `pack`, for a value that is exact already: see exact.ts. */
export function packExact(value: unknown): Buffer {
  return packr.pack(value);
}

/** Reads a document that `scan` has accepted. A 64-bit integer is a bigint, however small: the kinds narrow it. */
export function unpack(bytes: Uint8Array): unknown {
  return unpackr.unpack(bytes);
}

/** Reads 64-bit integers as numbers where a number holds them exactly; the types of msgpackr do not know that choice. */
const numbers = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'auto' as 'number' });

/** Reads a document that nobody has looked at; `null` when it is none. A 64-bit integer is a number, or a bigint where none holds it. */
export function unpackNumbers(bytes: Uint8Array): unknown {
  try {
    return numbers.unpack(bytes);
  } catch {
    return null;
  }
}

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

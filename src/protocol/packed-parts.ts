import { pack, packExact } from './codec.js';

/*
 * Values that occur in many messages and never change, such as the row of an agent: they are packed once, and messages are joined from their bytes. A
 * changed agent has a new row.
 */

/** The bytes of each cached value; `null` until they are needed. */
const kept = new WeakMap<object, Buffer | null>();

/** Values that differ from a cached one in their last field only. */
const variants = new WeakMap<object, { readonly base: object; readonly last: unknown }>();

/** Lists and maps that contain cached values. */
const containers = new WeakSet<object>();

/** Caches the bytes of a value for as long as it is referenced. Neither the value nor any object in it may be changed afterwards. */
export function keepPacked<T extends object>(value: T): T {
  if (!kept.has(value)) kept.set(value, null);
  return value;
}

/** Stands for a value with known bytes. */
export function alreadyPacked(bytes: Buffer): object {
  const value = {};
  kept.set(value, bytes);
  return value;
}

/** The cached value `base` with another value in its last field, which is `null` in it: only that field is packed again. */
export function withLastField<T extends object>(base: T, field: keyof T, value: unknown): T {
  const variant = { ...base, [field]: value };
  variants.set(variant, { base, last: value });
  return variant;
}

/** Marks a list or a plain map that contains cached values, directly or in nested containers. */
export function packedInParts<T extends object>(container: T): T {
  containers.add(container);
  return container;
}

/** True for a value that contains cached bytes. */
export function hasParts(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return kept.has(value) || variants.has(value) || containers.has(value);
}

/** Adds the bytes of a value to `parts`: the same bytes as those of `pack`. */
export function partsOf(value: unknown, parts: Buffer[]): void {
  if (!hasParts(value)) parts.push(pack(value));
  else if (kept.has(value)) parts.push(bytesOf(value));
  else if (!containers.has(value)) partsOfVariant(value, parts);
  else if (Array.isArray(value)) {
    parts.push(arrayHead(value.length));
    for (const item of value) partsOf(item, parts);
  } else partsOfMap(value as Readonly<Record<string, unknown>>, parts);
}

/** Packs a message in map form. Its last field, which is nil in `message`, gets a value that is joined from parts; nil is one byte. */
export function packWithLastField(message: Readonly<Record<string, unknown>>, value: unknown): Buffer {
  const parts = [packExact(message).subarray(0, -1)];
  partsOf(value, parts);
  return Buffer.concat(parts);
}

export function mapHead(count: number): Buffer {
  if (count < 16) return Buffer.from([0x80 | count]);
  const head = Buffer.alloc(3);
  head.writeUInt16BE(count, head.writeUInt8(0xde));
  return head;
}

export function arrayHead(count: number): Buffer {
  if (count < 16) return Buffer.from([0x90 | count]);
  const head = Buffer.alloc(count < 0x1_0000 ? 3 : 5);
  if (count < 0x1_0000) head.writeUInt16BE(count, head.writeUInt8(0xdc));
  else head.writeUInt32BE(count, head.writeUInt8(0xdd));
  return head;
}

/** A copy, because the encoder returns a part of a larger buffer, which would be retained. */
function bytesOf(value: object): Buffer {
  let bytes = kept.get(value) ?? null;
  if (bytes === null) {
    const packed = pack(value);
    bytes = Buffer.allocUnsafeSlow(packed.length);
    bytes.set(packed);
    kept.set(value, bytes);
  }
  return bytes;
}

/** The value without its last field: nil is one byte. */
function partsOfVariant(value: object, parts: Buffer[]): void {
  const variant = variants.get(value);
  if (variant === undefined) return;
  parts.push(bytesOf(variant.base).subarray(0, -1), pack(variant.last));
}

function partsOfMap(map: Readonly<Record<string, unknown>>, parts: Buffer[]): void {
  const entries = Object.entries(map).filter(([, value]) => value !== undefined);
  parts.push(mapHead(entries.length));
  for (const [name, value] of entries) {
    parts.push(pack(name));
    partsOf(value, parts);
  }
}

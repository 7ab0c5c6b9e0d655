import { pack, packExact } from './codec.js';

/*
 * Values that are written into many messages and never change, such as the row of an agent: they are packed once, and messages are put
 * together from their bytes. A changed agent has another row.
 */

/** The bytes of each value that is kept; `null` until they are wanted. */
const kept = new WeakMap<object, Buffer | null>();

/** Values that differ from one that is kept in their last field. */
const variants = new WeakMap<object, { readonly base: object; readonly last: unknown }>();

/** Lists and maps that have kept values in them. */
const containers = new WeakSet<object>();

/** Marks a value as one whose bytes are kept as long as it is referenced. It must not be changed afterwards, nor anything in it. */
export function keepPacked<T extends object>(value: T): T {
  kept.set(value, null);
  return value;
}

/** Stands for a value whose bytes are known already. */
export function alreadyPacked(bytes: Buffer): object {
  const value = {};
  kept.set(value, bytes);
  return value;
}

/** The kept value `base` with another value in its last field, which is `null` in it: only that field is packed anew. */
export function withLastField<T extends object>(base: T, field: keyof T, value: unknown): T {
  const variant = { ...base, [field]: value };
  variants.set(variant, { base, last: value });
  return variant;
}

/** Marks a list or a plain map that has kept values in it, directly or in containers of its own. */
export function packedInParts<T extends object>(container: T): T {
  containers.add(container);
  return container;
}

/** True for what `partsOf` does not have to pack as a whole. */
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

/** A message in map form with one more field, whose value is put together from parts. */
export function packWithField(message: Readonly<Record<string, unknown>>, name: string, value: unknown): Buffer {
  const fields = packExact(message);
  const count = Object.keys(message).length;
  const parts = [mapHead(count + 1), fields.subarray(mapHead(count).length), pack(name)];
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

/** A copy of its own: what the encoder returns is a part of a larger buffer, which would be kept as well. */
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

/** Nil is one byte. */
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

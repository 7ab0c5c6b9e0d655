import { isUtf8 } from 'node:buffer';
import type { OutputLine } from '../contract/view.js';
import type { LineView } from './operations.js';

/** A line in its wire form. */
export function lineView({ bytes, ...line }: OutputLine): LineView {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const text = buffer.toString('utf8');
  return isUtf8(buffer) ? { ...line, text } : { ...line, text, bytes: buffer };
}

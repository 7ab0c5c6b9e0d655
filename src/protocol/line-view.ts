import type { OutputLine } from '../contract/view.js';
import type { LineView } from './operations.js';

/** A line in its wire form. */
export function lineView({ bytes, ...line }: OutputLine): LineView {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const text = buffer.toString('utf8');
  return Buffer.from(text, 'utf8').equals(buffer) ? { ...line, text } : { ...line, text, bytes: buffer };
}

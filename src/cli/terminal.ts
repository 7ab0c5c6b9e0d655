import { printable, terminalText } from '../model/printable.js';
import { SGR } from './format.js';
import type { Sink } from './host.js';

/**
 * `sink` with everything that is written to a terminal spelled out, unless it is written as `styled` or `raw`; a sink that is no terminal gets
 * every byte. Every command writes through this one place.
 */
export function guarded(sink: Sink): Sink {
  if (!sink.terminal) return sink;
  return {
    terminal: true,
    get columns() {
      return sink.columns;
    },
    get rows() {
      return sink.rows ?? Number.POSITIVE_INFINITY;
    },
    onResize: (listener) => sink.onResize?.(listener) ?? (() => {}),
    drained: async () => (await sink.drained?.()) ?? true,
    write: (data, as) => {
      if (as === 'raw') return sink.write(data);
      const text = typeof data === 'string' ? data : Buffer.from(data).toString();
      sink.write(as === 'styled' ? styledText(text) : terminalText(text));
    },
  };
}

/** `text` with our own colours kept, and everything else spelled out that a terminal obeys. */
export function styledText(text: string): string {
  return text.split(OURS).map(spellOut).join('');
}

/** Splits into text at even places and our sequences at odd ones. */
const OURS = new RegExp(`(${SGR.map((sequence) => sequence.replace('[', '\\[')).join('|')})`);

function spellOut(part: string, index: number): string {
  return index % 2 === 1 ? part : part.split('\n').map(printable).join('\n');
}

import { printable, terminalText } from '../model/printable.js';
import { SGR } from './format.js';
import type { Sink } from './host.js';

/**
 * `sink`, with control characters spelled out in text for a terminal unless it is written as `styled` or `raw`. A sink that is no terminal gets every
 * byte unchanged. Every command writes through this function.
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

/** `text` with the colours of supertree kept, and every other control character spelled out. */
export function styledText(text: string): string {
  return text.split(OWN_SEQUENCES).map(spellOut).join('');
}

/** Splits into text at even indexes and sequences of supertree at odd ones. */
const OWN_SEQUENCES = new RegExp(`(${SGR.map((sequence) => sequence.replace('[', '\\[')).join('|')})`);

function spellOut(part: string, index: number): string {
  return index % 2 === 1 ? part : part.split('\n').map(printable).join('\n');
}

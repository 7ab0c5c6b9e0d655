import type { Progress } from '../transport/operations.js';
import type { Sink } from './host.js';

/** Prints each word of progress that is not the one before it. */
export function progressTo(sink: Sink): (progress: Progress) => void {
  let last = '';
  return ({ path, state, detail }) => {
    const line = `${path} ${detail === '' ? state : detail}`;
    if (line !== last) sink.write(`${line}\n`);
    last = line;
  };
}

import type { Progress } from '../transport/operations.js';
import { stateText } from './format.js';
import type { Sink } from './host.js';

/** Prints each word of progress that is not the one before it. */
export function progressTo(sink: Sink): (progress: Progress) => void {
  let last = '';
  return (progress) => {
    const line = `${progress.path} ${stateText(progress)}`;
    if (line !== last) sink.write(`${line}\n`);
    last = line;
  };
}

import type { Progress } from '../protocol/operations.js';
import { stateText } from './format.js';
import type { Sink } from './host.js';

/** How many levels of a state are printed: `stopping.asking`, but not its sub-states. */
const LEVELS = 2;

/** Prints each stage of progress once. */
export function progressTo(sink: Sink): (progress: Progress) => void {
  let last = '';
  return (progress) => {
    const line = `${progress.path} ${stateText(progress).split('.').slice(0, LEVELS).join('.')}`;
    if (line !== last) sink.write(`${line}\n`);
    last = line;
  };
}

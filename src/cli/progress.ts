import type { Progress } from '../protocol/operations.js';
import { stateText } from './format.js';
import type { Sink } from './host.js';

/** How much of a state is told: `stopping.asking`, but not how far the asking is. */
const LEVELS = 2;

/** Prints each stage of progress that is not the one before it. */
export function progressTo(sink: Sink): (progress: Progress) => void {
  let last = '';
  return (progress) => {
    const line = `${progress.path} ${stateText(progress).split('.').slice(0, LEVELS).join('.')}`;
    if (line !== last) sink.write(`${line}\n`);
    last = line;
  };
}

import { createRequire } from 'node:module';
import { messageOf } from '../../errors.js';
import { childrenOfMainThread } from '../proc/proc.js';

/**
 * Why no keeper can run on this machine, as the end of a sentence; `null` when nothing is known that speaks against it. Nothing is started and no native
 * code is loaded, so a keeper may still fail, for example where prctl(2) is refused.
 */
export function keeperObstacle(): string | null {
  try {
    const fromHere = createRequire(import.meta.url);
    createRequire(fromHere.resolve('koffi')).resolve(`@koromix/koffi-${process.platform}-${process.arch}`);
  } catch (thrown) {
    return `the package koffi has no binary here: ${messageOf(thrown).split('\n')[0]}`;
  }
  return childrenOfMainThread() === undefined ? 'the kernel lists no children in /proc' : null;
}

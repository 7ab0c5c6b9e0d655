import { asSupertreeError, SupertreeError } from '../../../errors.js';
import { childrenOfMainThread } from '../../proc/proc.js';
import type { Hands, MakeHands } from './hands.js';

/** Each kind is loaded only to be used: koffi throws where it has no binary. */
const KINDS = {
  native: async (): Promise<MakeHands> => (await import('./native-hands.js')).nativeHands,
  childProcess: async (): Promise<MakeHands> => (await import('./child-hands.js')).childHands,
} as const;

/** The hands of this keeper, and why they are not the native ones; `null` when they are. */
export interface ChosenHands {
  readonly hands: Hands;
  readonly weakness: string | null;
}

/** The native hands where they can work, unless `isNative` is false; else those of child_process. Rejects KEEPER_UNAVAILABLE without /proc. */
export async function chooseHands(isNative: boolean, problem: (text: string) => void): Promise<ChosenHands> {
  if (childrenOfMainThread() === undefined)
    throw new SupertreeError('KEEPER_UNAVAILABLE', { problem: 'the kernel lists no children in /proc' });
  const native = isNative ? await nativeHands(problem) : 'native code is switched off';
  if (typeof native !== 'string') return { hands: native, weakness: null };
  return { hands: (await KINDS.childProcess())(problem), weakness: native };
}

/** The native hands; as text, why they cannot work. */
async function nativeHands(problem: (text: string) => void): Promise<Hands | string> {
  try {
    return (await KINDS.native())(problem);
  } catch (thrown) {
    const { problem } = asSupertreeError(thrown).details;
    return String(problem).split('\n')[0]!;
  }
}

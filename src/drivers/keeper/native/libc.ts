import koffi from 'koffi';
import { SupertreeError } from '../../../errors.js';

/*
 * The C library of this process, through koffi. Only the keeper loads this folder: a call blocks its thread, and a wrong argument ends the process.
 * Pointers are declared `void *` and get Buffers, whose memory never moves.
 */

const library = koffi.load(null);

/** A function of the C library that returns an int. */
type Native = (...args: readonly unknown[]) => number;

/** Declares a function of the C library: `int kill(int pid, int signal)`. Throws when there is none. */
export function declare(definition: string): Native {
  return library.func(definition);
}

/** `errno` as the last call left it. */
export function lastError(): number {
  return koffi.errno();
}

/** The result of a call that returns a negative number when it fails. Throws KEEPER_UNAVAILABLE, which names the function, unless it succeeded. */
export function checked(name: string, result: number): number {
  if (result >= 0) return result;
  throw new SupertreeError('KEEPER_UNAVAILABLE', { problem: `${name} failed with errno ${lastError()}` });
}

/** The address of the memory of a buffer. */
export function addressOf(buffer: Uint8Array): bigint {
  return koffi.address(buffer);
}

/** The size of a pointer, in bytes. */
export const POINTER = koffi.sizeof('void *');

import { closeSync, openSync } from 'node:fs';

/** A descriptor that is held only to be given up: `undefined` before the first read, and when there was none to take back. */
let spare: number | undefined;

/**
 * Calls `read`, which opens one file and closes it. A program that has used up its descriptors could not read /proc, where a process that cannot be seen
 * looks like one that is gone: then the spare descriptor is closed for the time of the call (EMFILE, ENFILE: open(2)). Throws what `read` throws.
 */
export function withDescriptor<T>(read: () => T): T {
  spare ??= take();
  try {
    return read();
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (spare === undefined || (code !== 'EMFILE' && code !== 'ENFILE')) throw thrown;
    return withSpare(spare, read);
  }
}

function withSpare<T>(descriptor: number, read: () => T): T {
  closeSync(descriptor);
  try {
    return read();
  } finally {
    spare = take();
  }
}

function take(): number | undefined {
  try {
    return openSync('/dev/null', 'r');
  } catch {
    return undefined; // no descriptor left
  }
}

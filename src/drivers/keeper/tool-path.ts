import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';

/** A program of the system, wherever the PATH of an agent leads; `null` when there is none of that name. */
export function toolPath(name: string): string | null {
  return PARENTS.map((parent) => join(parent, name)).find(isProgram) ?? null;
}

/** True for a file that may be executed. */
export function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

const PARENTS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin'];

import { closeSync, readdirSync, readFileSync } from 'node:fs';

/**
 * Closes the descriptors from 3 up that this process has inherited: a lock or a listening socket of the program above must not outlive it. An inherited
 * descriptor is not marked O_CLOEXEC, unless it is low: Node marks those up to 15 at its start, so that no child gets one. Its own are all marked.
 */
export function shedInheritedDescriptors(): void {
  for (const name of readdirSync('/proc/self/fd')) {
    const descriptor = Number(name);
    if (descriptor >= 3 && flagsOf(descriptor) % (2 * CLOSE_ON_EXEC) < CLOSE_ON_EXEC) closeSync(descriptor);
  }
}

/** The flags of open(2), see proc_pid_fdinfo(5). The descriptor of the listing is closed already, and counts as marked. */
function flagsOf(descriptor: number): number {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1];
    return flags === undefined ? CLOSE_ON_EXEC : Number.parseInt(flags, 8);
  } catch {
    return CLOSE_ON_EXEC;
  }
}

/** O_CLOEXEC, the same number on every processor that Node is built for. */
const CLOSE_ON_EXEC = 0o2000000;

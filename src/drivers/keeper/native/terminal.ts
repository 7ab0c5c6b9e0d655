import { closeSync, constants } from 'node:fs';
import type { TerminalSize } from '../../../model/process.js';
import { declare, lastError } from './libc.js';

const openMaster = declare('int posix_openpt(int flags)');
const grant = declare('int grantpt(int fd)');
const unlock = declare('int unlockpt(int fd)');
const nameOf = declare('int ptsname_r(int fd, void *name, size_t size)');
const fcntl = declare('int fcntl(int fd, int command, ...)');
const own = declare('int chown(void *path, uint owner, uint group)');
const ioctl = declare('int ioctl(int fd, ulong request, ...)');

/** A pseudo terminal, see pty(7). Both descriptors are of its master, close at an exec and do not block. */
export interface Terminal {
  readonly read: number;
  readonly write: number;
  /** The path of its slave, for the process. */
  readonly path: string;
}

/** O_CLOEXEC, F_DUPFD_CLOEXEC and TIOCSWINSZ: the same numbers on every processor that koffi is built for, but for the last on POWER and MIPS. */
const CLOSE_ON_EXEC = 0o2000000;
const DUPLICATE = 1030;
const SET_SIZE = ['ppc64', 'mips', 'mipsel'].includes(process.arch) ? 0x80087467 : 0x5414;
/** A master that blocked would block the keeper when its agent reads nothing. */
const FLAGS = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK | CLOSE_ON_EXEC;
const PATH_SIZE = 64;
/** That of grantpt(3), which lets write(1) write to it. */
const KEEP_GROUP = 0xffffffff;

/**
 * Opens a pseudo terminal; the errno when the system refuses it, with no descriptor left open. `owner` is the uid that its slave belongs to, so that a process
 * of that user can open it by its name as well; `null` for that of this process, to whom grantpt(3) gives it.
 */
export function openTerminal(size: TerminalSize, owner: number | null): Terminal | number {
  const read = openMaster(FLAGS);
  if (read < 0) return lastError();
  const write = duplicate(read);
  const path = Buffer.alloc(PATH_SIZE);
  const isOpen = write >= 0 && grant(read) === 0 && unlock(read) === 0 && nameOf(read, path, PATH_SIZE) === 0;
  if (isOpen && (owner === null || own(path, owner, KEEP_GROUP) === 0)) {
    resize(read, size);
    return { read, write, path: path.toString('latin1', 0, path.indexOf(0)) };
  }
  const problem = lastError();
  for (const descriptor of [read, write]) if (descriptor >= 0) closeSync(descriptor);
  return problem;
}

/** Another descriptor of the same file, closed at an exec; -1 when none is left. */
export function duplicate(descriptor: number): number {
  return fcntl(descriptor, DUPLICATE, 'int', 3);
}

/** Sets the size of a terminal, see tty_ioctl(4): its foreground process group gets SIGWINCH if the size is another one. */
export function resize(descriptor: number, { columns, rows }: TerminalSize): void {
  ioctl(descriptor, SET_SIZE, 'void *', Buffer.from(Uint16Array.of(rows, columns, 0, 0).buffer));
}

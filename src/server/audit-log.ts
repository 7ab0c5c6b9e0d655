import { closeSync, constants, fchmodSync, fstatSync, lstatSync, openSync } from 'node:fs';
import type { Logger } from 'pino';
import type { AuditLine } from '../control/access/audit.js';
import { messageOf, SupertreeError } from '../errors.js';
import { LineFile } from './line-file.js';
import { createLog } from './log.js';
import { isOurs, OTHERS, placeProblem } from './permissions.js';

/** A log of commands: one line each, with the name of the key, the command and its outcome. */
export interface AuditLog {
  /** Throws AUDIT_FILE when the line could not be written; it is lost. */
  note(line: AuditLine): void;
  /** Never throws: errors go to `failed`. */
  close(failed: (thrown: unknown) => void): void;
}

/** Logs to a file, appended to and private to this user. Throws AUDIT_FILE. */
export function auditToFile(file: string): AuditLog {
  const audit = new AuditFile(file);
  const log = createLog({ write: (text) => audit.write(text), terminal: false }).child({ name: 'audit' });
  return { note: (line) => write(log, line), close: (failed) => audit.close(failed) };
}

/** Logs audit lines into the server's log. */
export function auditTo(serverLog: Logger): AuditLog {
  const log = serverLog.child({ name: 'audit' });
  return { note: (line) => write(log, line), close: () => {} };
}

function write(log: Logger, line: AuditLine): void {
  log[line.outcome === 'refused' ? 'warn' : 'info'](line, textOf(line));
}

function textOf({ key, verb, path, child, outcome, code, address, repeated }: AuditLine): string {
  const of = `${path === null ? '' : ` ${path}`}${child === null ? '' : ` child ${child}`}`;
  const times = repeated === undefined ? '' : `, repeated ${repeated} times`;
  const about = `${of}${address === undefined ? '' : ` from ${address}`}`;
  // Control characters would act on a terminal, and a peer chooses the verb and the child.
  return `${key}: ${verb}${about} ${outcome}${code === null ? '' : ` (${code})`}${times}`.replaceAll(/\p{C}/gu, '?');
}

/** Each line is written to the kernel before the answer is sent, so that the log of a killed server is complete. */
class AuditFile {
  readonly #file: string;
  readonly #fd: number;
  readonly #lines: LineFile;

  constructor(file: string) {
    this.#file = file;
    this.#fd = this.#attempt(() => openPrivately(file));
    this.#lines = new LineFile(this.#fd, { name: 'audit' });
  }

  write(line: string): void {
    this.#attempt(() => this.#lines.write(line));
  }

  close(failed: (thrown: unknown) => void): void {
    try {
      this.#attempt(() => closeSync(this.#fd));
    } catch (thrown) {
      failed(thrown);
    }
  }

  #attempt<T>(work: () => T): T {
    try {
      return work();
    } catch (thrown) {
      throw new SupertreeError('AUDIT_FILE', { file: this.#file, problem: messageOf(thrown) }, thrown);
    }
  }
}

const APPEND = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND;

/** Follows a link only if it belongs to this user or to root: in a sticky directory another user may make one at any moment. */
function isLink(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

/** The mode of `open` applies only to a new file. An existing one may come from a log rotation, or from another user who wants to read it. */
function openPrivately(file: string): number {
  const problem = placeProblem(file);
  if (problem !== null) throw new Error(`it is not safe there: ${problem}`);
  const fd = openSync(file, APPEND | (isLink(file) ? 0 : constants.O_NOFOLLOW), 0o600);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) return fd;
    if (!isOurs(stats)) throw new Error('it belongs to another user');
    if ((stats.mode & OTHERS) !== 0) fchmodSync(fd, 0o600);
    return fd;
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
}

import { closeSync, constants, fchmodSync, fstatSync, lstatSync, openSync } from 'node:fs';
import type { Logger } from 'pino';
import type { AuditLine } from '../control/access/audit.js';
import { messageOf, SupertreeError } from '../errors.js';
import { LineFile } from './line-file.js';
import { createLog } from './log.js';
import { isOurs, OTHERS, placeProblem } from './permissions.js';

/** Where commands are logged: one line each, with the name of the key, what was asked for and what came of it. */
export interface AuditLog {
  /** Throws AUDIT_FILE when the line could not be written; it is lost. */
  note(line: AuditLine): void;
  /** Never throws: what goes wrong is told to `failed`. */
  close(failed: (thrown: unknown) => void): void;
}

/** Logs to a file, appended to and private to this user. Throws AUDIT_FILE. */
export function auditToFile(file: string): AuditLog {
  const audit = new AuditFile(file);
  const log = createLog({ write: (text) => audit.write(text), terminal: false }).child({ name: 'audit' });
  return { note: (line) => write(log, line), close: (failed) => audit.close(failed) };
}

/** Logs among the other lines of a log. */
export function auditTo(told: Logger): AuditLog {
  const log = told.child({ name: 'audit' });
  return { note: (line) => write(log, line), close: () => {} };
}

function write(log: Logger, line: AuditLine): void {
  log[line.outcome === 'refused' ? 'warn' : 'info'](line, textOf(line));
}

function textOf({ key, verb, path, child, outcome, code, address, repeated }: AuditLine): string {
  const of = `${path === null ? '' : ` ${path}`}${child === null ? '' : ` child ${child}`}`;
  const times = repeated === undefined ? '' : `, repeated ${repeated} times`;
  const about = `${of}${address === undefined ? '' : ` from ${address}`}`;
  // A terminal obeys control characters, and a peer chooses the verb and the child.
  return `${key}: ${verb}${about} ${outcome}${code === null ? '' : ` (${code})`}${times}`.replaceAll(/\p{C}/gu, '?');
}

/** Each line is handed to the kernel before the answer leaves: a server that is killed has not forgotten what it did. */
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

/** A link that is there belongs to this user or to root. In a directory that is sticky somebody else may still make one in this moment. */
function isLink(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

/** The mode of `open` is for a file that it makes. One that is there may have been made by a log rotation, or by somebody who wants to read along. */
function openPrivately(file: string): number {
  const problem = placeProblem(file);
  if (problem !== null) throw new Error(`it is not safe there: ${problem}`);
  const fd = openSync(file, APPEND | (isLink(file) ? 0 : constants.O_NOFOLLOW), 0o600);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) return fd;
    if (!isOurs(stats)) throw new Error('it belongs to somebody else');
    if ((stats.mode & OTHERS) !== 0) fchmodSync(fd, 0o600);
    return fd;
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
}

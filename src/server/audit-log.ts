import { type DestinationStream, type Logger, pino } from 'pino';
import { messageOf, SupertreeError } from '../errors.js';
import type { AuditLine } from '../transport/audit.js';
import { createLog } from './log.js';

/** Where commands are logged: one line each, with the name of the key, what was asked for and what came of it. */
export interface AuditLog {
  note(line: AuditLine): void;
  close(): void;
}

/** Logs to a file, appended to and private to this user. Throws AUDIT_FILE. */
export function auditToFile(file: string): AuditLog {
  const destination = openFile(file);
  const log = createLog({ write: (text) => destination.write(text), terminal: false }).child({ name: 'audit' });
  return { note: (line) => write(log, line), close: () => destination.end() };
}

/** Logs among the other lines of a log. */
export function auditTo(told: Logger): AuditLog {
  const log = told.child({ name: 'audit' });
  return { note: (line) => write(log, line), close: () => {} };
}

function write(log: Logger, line: AuditLine): void {
  log[line.outcome === 'refused' ? 'warn' : 'info'](line, textOf(line));
}

function textOf({ key, verb, path, outcome, code }: AuditLine): string {
  return `${key}: ${verb}${path === null ? '' : ` ${path}`} ${outcome}${code === null ? '' : ` (${code})`}`;
}

/** Each line is handed to the kernel before the answer leaves: a server that is killed has not forgotten what it did. */
function openFile(file: string): DestinationStream & { end(): void } {
  try {
    return pino.destination({ dest: file, append: true, sync: true, mode: 0o600 });
  } catch (thrown) {
    throw new SupertreeError('AUDIT_FILE', { file, problem: messageOf(thrown) }, thrown);
  }
}

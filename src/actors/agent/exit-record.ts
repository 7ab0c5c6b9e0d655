import type { ExitRecord } from '../../model/exit.js';
import type { AgentContext } from '../../model/lifecycle.js';
import { type Reason, reasonOfExit } from '../../model/reason.js';
import type { AgentCell } from './cell.js';

/** How many lines of standard error an exit record keeps. */
const TAIL = 10;

/** The exit record of an incarnation as its agent knows it now. */
export function exitRecord(cell: AgentCell, context: AgentContext, wall: number): ExitRecord {
  const { exit } = context;
  return {
    id: cell.id,
    incarnation: context.incarnation,
    pid: cell.pid,
    code: exit?.code ?? null,
    signal: exit?.signal ?? null,
    oom: exit?.oom ?? false,
    cause: cell.overLimit?.cause ?? context.cause ?? 'lost',
    detail: cell.overLimit?.detail ?? context.detail,
    commanded: context.commanded,
    startedAt: context.startedAt ?? wall,
    readyAt: context.readyAt,
    exitedAt: exit?.at ?? wall,
    tail: cell.output.tail(TAIL),
  };
}

/** What the end of an incarnation means to its supervisor. */
export function reasonOf(cell: AgentCell, context: AgentContext): Reason {
  if (cell.exit === null || cell.exit.incarnation !== context.incarnation) return { kind: 'shutdown' };
  return reasonOfExit(cell.exit, cell.spec.successCodes);
}

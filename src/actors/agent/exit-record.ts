import type { ExitRecord } from '../../model/exit.js';
import type { AgentContext } from '../../model/lifecycle.js';
import { type Reason, reasonOfExit } from '../../model/reason.js';
import type { Agent } from './agent.js';

/** The number of lines of standard error in an exit record. */
const TAIL = 10;

/** The exit record of an incarnation, from the present knowledge of its agent. */
export function exitRecord(agent: Agent, context: AgentContext, wall: number): ExitRecord {
  const { exit } = context;
  return {
    id: agent.id,
    incarnation: context.incarnation,
    pid: exit?.pid ?? context.pid,
    code: exit?.code ?? null,
    signal: exit?.signal ?? null,
    oom: exit?.oom ?? false,
    cause: context.cause ?? 'lost',
    detail: context.cause === 'readiness-timeout' ? agent.unreadiness : context.detail,
    commanded: context.commanded,
    startedAt: context.startedAt ?? wall,
    readyAt: context.readyAt,
    exitedAt: exit?.at ?? wall,
    tail: agent.output.tail(TAIL),
  };
}

/** The reason of an incarnation's end for its supervisor. */
export function reasonOf(agent: Agent, context: AgentContext): Reason {
  if (agent.exit === null || agent.exit.incarnation !== context.incarnation) return { kind: 'shutdown' };
  return reasonOfExit(agent.exit, agent.spec.successCodes);
}

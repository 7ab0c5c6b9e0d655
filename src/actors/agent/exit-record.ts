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

/**
 * Completes the record of the incarnation, if there is one, with what is known since: a stop, and the lines that were read after the exit, unless these are of
 * its hook.
 */
export function completeExit(agent: Agent, context: AgentContext, wall: number, hasHookRun: boolean): void {
  if (agent.exit?.incarnation !== context.incarnation) return;
  const { exitedAt, tail } = agent.exit;
  agent.exit = { ...exitRecord(agent, context, wall), exitedAt, ...(hasHookRun && { tail }) };
}

/** The reason of an incarnation's end for its supervisor. */
export function reasonOf(agent: Agent, context: AgentContext): Reason {
  if (agent.exit === null || agent.exit.incarnation !== context.incarnation) return { kind: 'shutdown' };
  return reasonOfExit(agent.exit, agent.spec.successCodes);
}

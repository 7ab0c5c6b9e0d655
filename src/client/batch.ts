import { SupertreeError } from '../errors.js';
import type { Message } from '../protocol/protocol.js';
import { STATUS_OF } from '../protocol/status.js';
import type { BatchOutcome } from './api.js';
import type { RequestDraft } from './requests.js';
import type { ServerLink } from './server.js';
import type { ServerSet } from './server-set.js';
import type { RemainingTime } from './time.js';

type BatchCommand = RequestDraft<'batch_control_command'>;
type BatchAnswer = Message<'batch_control_response'>;
type BatchResult = BatchAnswer['results'][number];

/**
 * Splits a batch by the servers of its agents and joins the results in the order of the batch. An agent without a server, or whose server does not
 * answer, gets that error as its result. `fail_fast` applies to each server's part separately.
 */
export async function sendBatch(serverSet: ServerSet, batch: BatchCommand, left: RemainingTime): Promise<BatchAnswer> {
  const { only } = serverSet;
  if (only !== null) return only.send(batch, left());
  const results = new Map<string, BatchResult>();
  const parts = await partsOf(serverSet, batch.agent_ids, results, left);
  const answers = [...parts].map(([server, ids]) => sendPart(server, { ...batch, agent_ids: ids }, left));
  for (const part of await Promise.all(answers)) for (const each of part) results.set(each.agent_id, each);
  return answerOf(batch.agent_ids.flatMap((id) => results.get(id) ?? []));
}

/** The answer to a batch under the names that the caller gave; `uuids` has the uuid of each name, or the error of its lookup. */
export function outcomeOf(
  agents: readonly string[],
  uuids: readonly (string | SupertreeError)[],
  answer: BatchAnswer,
  named: readonly NamedResult[],
): BatchOutcome {
  const byName = new Map(named.map((result) => [result.agent, result]));
  const found = new Map(answer.results.map((result) => [result.agent_id, result]));
  const results = agents.map((agent, index): NamedResult => {
    const done = byName.get(agent);
    if (done !== undefined) return done;
    const uuid = uuids[index] ?? '';
    const isKnown = typeof uuid === 'string';
    const { agent_id: _, ...result } = isKnown ? (found.get(uuid.toLowerCase()) ?? NO_RESULT) : failure('', uuid);
    return { agent, uuid: isKnown ? uuid : null, ...result };
  });
  const successful = results.filter(({ success }) => success).length;
  const failed = results.length - successful;
  return { success: failed === 0, successful, failed, results };
}

/**
 * Sends a command of a batch to one agent by name. A key that may command agents but not observe them gets no uuids. A command without an operation
 * of the same effect rejects with the error of the lookup.
 */
export async function commandByName(
  serverSet: ServerSet,
  agent: string,
  {
    command_type: command,
    payload,
    fail_fast: isLinked,
  }: Pick<BatchCommand, 'payload' | 'fail_fast'> & { command_type: string },
  left: RemainingTime,
): Promise<NamedResult> {
  try {
    const name = payload === null && !isLinked && isOperation(command) ? command : 'status';
    const { uuid, state } = await serverSet.request(name, { agent }, left());
    return { agent, uuid, success: true, status: STATUS_OF[state], data: null, error: null, code: null };
  } catch (thrown) {
    const { agent_id: _, ...result } = failure('', thrown);
    return { agent, uuid: null, ...result };
  }
}

type NamedResult = BatchOutcome['results'][number];

function isOperation(command: string): command is 'pause' | 'resume' | 'stop' | 'kill' {
  return command === 'pause' || command === 'resume' || command === 'stop' || command === 'kill';
}

const NO_RESULT = {
  agent_id: '',
  success: false,
  status: null,
  data: null,
  code: null,
  error: 'the server sent no result',
};

async function partsOf(
  serverSet: ServerSet,
  ids: readonly string[],
  results: Map<string, BatchResult>,
  left: RemainingTime,
): Promise<Map<ServerLink, string[]>> {
  const parts = new Map<ServerLink, string[]>();
  const place = async (id: string): Promise<void> => {
    try {
      const owner = await serverSet.ownerOf(id, left);
      parts.set(owner, [...(parts.get(owner) ?? []), id]);
    } catch (thrown) {
      results.set(id, failure(id, thrown));
    }
  };
  await Promise.all([...new Set(ids)].map(place));
  return parts;
}

async function sendPart(server: ServerLink, batch: BatchCommand, left: RemainingTime): Promise<BatchResult[]> {
  try {
    const { results, ...answer } = await server.send(batch, left());
    if (results.length > 0 || answer.error === null) return results;
    const { error, code } = answer;
    return batch.agent_ids.map((id) => ({ agent_id: id, success: false, status: null, error, data: null, code }));
  } catch (thrown) {
    return batch.agent_ids.map((id) => failure(id, thrown));
  }
}

/** The answer that consists of these results. */
export function answerOf(results: BatchResult[]): BatchAnswer {
  const successful = results.filter(({ success }) => success).length;
  const failed = results.length - successful;
  const reasons = { error: null, code: null, remedy: null, details: null };
  const summary = { request_id: '', success: failed === 0, results, successful, failed };
  return { type: 'batch_control_response', ...summary, ...reasons };
}

/** The result for an error. Throws anything but a SupertreeError: an abort ends the whole batch. */
function failure(id: string, thrown: unknown): BatchResult {
  if (!(thrown instanceof SupertreeError)) throw thrown;
  const { message: error, code } = thrown;
  return { agent_id: id, success: false, status: null, error, data: null, code };
}

import { SupertreeError } from '../../errors.js';
import type { Message } from '../wire/protocol.js';
import type { BatchOutcome } from './api.js';
import type { Fleet } from './fleet.js';
import type { RequestDraft } from './requests.js';
import type { RequestOptions, ServerLink } from './server.js';

type Batch = RequestDraft<'batch_control_command'>;
type BatchAnswer = Message<'batch_control_response'>;
type BatchResult = BatchAnswer['results'][number];

/**
 * Sends a batch to the servers of its agents, to each its part, and puts the results together in the order of the batch. An agent that no
 * server has, or whose server does not answer, has that as its result. `fail_fast` is what each server makes of it for its own part.
 */
export async function sendBatch(fleet: Fleet, batch: Batch, options: RequestOptions): Promise<BatchAnswer> {
  const [only, ...more] = fleet.servers;
  if (only !== undefined && more.length === 0) return only.send(batch, options);
  const results = new Map<string, BatchResult>();
  const parts = await partsOf(fleet, batch.agent_ids, results);
  const answers = [...parts].map(([server, ids]) => sendPart(server, { ...batch, agent_ids: ids }, options));
  for (const part of await Promise.all(answers)) for (const each of part) results.set(each.agent_id, each);
  return answerOf(batch.agent_ids.flatMap((id) => results.get(id) ?? []));
}

/** The answer to a batch for whoever named the agents; `uuids` are theirs, or why they have none. */
export function outcomeOf(
  agents: readonly string[],
  uuids: readonly (string | SupertreeError)[],
  answer: BatchAnswer,
): BatchOutcome {
  const found = new Map(answer.results.map((result) => [result.agent_id, result]));
  const results = agents.map((agent, index): BatchOutcome['results'][number] => {
    const uuid = uuids[index] ?? '';
    const isKnown = typeof uuid === 'string';
    const { agent_id: _, ...result } = isKnown ? (found.get(uuid.toLowerCase()) ?? UNTOLD) : failure('', uuid);
    return { agent, uuid: isKnown ? uuid : null, ...result };
  });
  const successful = results.filter(({ success }) => success).length;
  const failed = results.length - successful;
  return { success: failed === 0, successful, failed, results };
}

const UNTOLD = { agent_id: '', success: false, status: null, data: null, code: null, error: 'the server told nothing' };

async function partsOf(
  fleet: Fleet,
  ids: readonly string[],
  results: Map<string, BatchResult>,
): Promise<Map<ServerLink, string[]>> {
  const parts = new Map<ServerLink, string[]>();
  const place = async (id: string): Promise<void> => {
    try {
      const owner = await fleet.ownerOf(id);
      parts.set(owner, [...(parts.get(owner) ?? []), id]);
    } catch (thrown) {
      results.set(id, failure(id, thrown));
    }
  };
  await Promise.all([...new Set(ids)].map(place));
  return parts;
}

async function sendPart(server: ServerLink, batch: Batch, options: RequestOptions): Promise<BatchResult[]> {
  try {
    const { results, ...answer } = await server.send(batch, options);
    if (results.length > 0 || answer.error === null) return results;
    const { error, code } = answer;
    return batch.agent_ids.map((id) => ({ agent_id: id, success: false, status: null, error, data: null, code }));
  } catch (thrown) {
    return batch.agent_ids.map((id) => failure(id, thrown));
  }
}

function answerOf(results: BatchResult[]): BatchAnswer {
  const successful = results.filter(({ success }) => success).length;
  const failed = results.length - successful;
  const reasons = { error: null, code: null, remedy: null, details: null };
  const summary = { request_id: '', success: failed === 0, results, successful, failed };
  return { type: 'batch_control_response', ...summary, ...reasons };
}

/** Never for what is no refusal: an abort ends the whole batch. */
function failure(id: string, thrown: unknown): BatchResult {
  if (!(thrown instanceof SupertreeError)) throw thrown;
  const { message: error, code } = thrown;
  return { agent_id: id, success: false, status: null, error, data: null, code };
}

import type { AgentHandle } from '../contract/view.js';
import { asSupertreeError, SupertreeError } from '../errors.js';
import { invalid, isUuid } from '../protocol/kinds.js';
import { type BatchResult, type Draft, MAX_BATCH, type Message, NIL_UUID } from '../protocol/protocol.js';
import { protocolSentence } from '../protocol/sentences.js';
import type { Opened } from './access/guarded-tree.js';
import { admitted, askedBy, assertAdmitted } from './admission.js';
import { answerControl } from './commands.js';
import type { Request } from './request.js';

/**
 * Gives one command to every agent of the batch concurrently, and answers with one result for each, in the order of the request; a failure does not affect
 * the others. With `fail_fast` the role is checked for all agents first, then they get the command one after another, and after the first failure no
 * further one is started. An agent that is named twice gets the command once.
 */
export async function answerBatch(
  request: Request,
  message: Message<'batch_control_command'>,
): Promise<Draft<'batch_control_response'>> {
  const { request_id, agent_ids: ids, fail_fast: failFast } = message;
  if (ids.length > MAX_BATCH) return tooMany(message);
  const batch = { request, message };
  const found = await (failFast ? untilOneFails : allAtOnce)(batch, [...new Set(ids)]);
  const results = ids.map((id) => found.get(id) ?? failure(id, new SupertreeError('INTERNAL', { problem: id })));
  const successful = results.filter(({ success }) => success).length;
  const failed = results.length - successful;
  return { type: 'batch_control_response', request_id, success: failed === 0, results, successful, failed };
}

interface BatchRequest {
  readonly request: Request;
  readonly message: Message<'batch_control_command'>;
}

type Results = ReadonlyMap<string, BatchResult>;

async function allAtOnce(batch: BatchRequest, ids: readonly string[]): Promise<Results> {
  return new Map(await Promise.all(ids.map(async (id) => [id, await carryOut(batch, id)] as const)));
}

async function untilOneFails(batch: BatchRequest, ids: readonly string[]): Promise<Results> {
  const results = new Map<string, BatchResult>();
  for (const id of ids) {
    const refusal = refusalOf(batch, id);
    if (refusal !== null) results.set(id, refusal);
  }
  let [culprit] = results.keys();
  for (const id of ids) {
    if (results.has(id)) continue;
    const result = culprit === undefined ? await carryOut(batch, id) : notBegun(id, culprit);
    if (!result.success) culprit ??= id;
    results.set(id, result);
  }
  return results;
}

/** The refusal of the command for this agent; `null` when it is allowed. */
function refusalOf(batch: BatchRequest, id: string): BatchResult | null {
  try {
    assertAdmitted(batch.request, askedBy(commandFor(batch, id), null));
    return null;
  } catch (thrown) {
    return failure(id, asSupertreeError(thrown));
  }
}

/** Never rejects: an error is the result of this agent. */
async function carryOut(batch: BatchRequest, id: string): Promise<BatchResult> {
  const { request } = batch;
  try {
    const command = commandFor(batch, id);
    const work = (opened: Opened) => answerControl(request, command, opened as AgentHandle);
    return resultOf(id, await admitted(request, askedBy(command, null), work));
  } catch (thrown) {
    return failure(id, asSupertreeError(thrown));
  }
}

/** Throws MESSAGE_INVALID for an invalid uuid. */
function commandFor({ message }: BatchRequest, id: string): Message<'control_command'> {
  const { request_id, agent_ids, command_type, payload } = message;
  if (!isUuid(id)) throw invalid(`batch_control_command.agent_ids[${agent_ids.indexOf(id)}]`, 'must be a uuid', id, id);
  const options = { idempotency_key: null, deadline: null, accepted: null };
  return { type: 'control_command', request_id, agent_id: id, command_type, payload, ...options };
}

function resultOf(id: string, { success, status, data, error, code }: Draft<'command_response'>): BatchResult {
  return {
    agent_id: id,
    success,
    status: status ?? null,
    error: error ?? null,
    data: data ?? null,
    code: code ?? null,
  };
}

function notBegun(id: string, agent: string): BatchResult {
  return failure(id, new SupertreeError('BATCH_STOPPED', { agent }));
}

/** Refuses the whole batch. A client of the agent protocol reads errors only from the results, so the first agents get the error there. */
function tooMany({ request_id, agent_ids: ids }: Message<'batch_control_command'>): Draft<'batch_control_response'> {
  const refusal = new SupertreeError('BATCH_LIMIT', { count: ids.length, max: MAX_BATCH });
  const { message: error, code, remedy, details } = refusal;
  const results = ids.slice(0, MAX_BATCH).map((id) => failure(id, refusal));
  const counts = { successful: 0, failed: ids.length };
  return {
    type: 'batch_control_response',
    request_id,
    success: false,
    results,
    ...counts,
    error,
    code,
    remedy,
    details,
  };
}

/** An invalid id is named in the error: its field must contain a uuid. */
function failure(id: string, refusal: SupertreeError): BatchResult {
  const agent_id = isUuid(id) ? id : NIL_UUID;
  return { agent_id, success: false, status: null, error: protocolSentence(refusal), data: null, code: refusal.code };
}

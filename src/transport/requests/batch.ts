import { asSupertreeError, SupertreeError } from '../../errors.js';
import type { Arrival } from '../sockets/arrival.js';
import { invalid, isUuid } from '../wire/kinds.js';
import { type BatchResult, type Draft, MAX_BATCH, type Message, NIL_UUID } from '../wire/protocol.js';
import { askedBy, whenAdmitted } from './admission.js';
import { answerControl } from './control.js';
import type { Service } from './service.js';

/** How many commands of a batch that fails fast are under way at once. */
const CAREFUL = 8;

/**
 * Runs one command for every agent of the batch, all at once, and tells for each what came of it, in the order of the request; one
 * that fails does not touch the others. With `fail_fast`, at most `CAREFUL` at once, and after the first failure none is begun.
 * An agent that is named twice gets the command once.
 */
export async function answerBatch(
  service: Service,
  request: Message<'batch_control_command'>,
  arrival: Arrival,
): Promise<Draft<'batch_control_response'>> {
  const { request_id, agent_ids: ids, fail_fast: failFast } = request;
  const batch = new Batch((id, index) => carryOut(service, request, arrival, id, index), [...new Set(ids)], failFast);
  const found = await batch.run(failFast ? CAREFUL : MAX_BATCH);
  const results = ids.map((id) => found.get(id) ?? failure(id, new SupertreeError('INTERNAL', { problem: id })));
  const successful = results.filter(({ success }) => success).length;
  const failed = results.length - successful;
  return { type: 'batch_control_response', request_id, success: failed === 0, results, successful, failed };
}

type CarryOut = (id: string, index: number) => Promise<BatchResult>;

class Batch {
  readonly #results = new Map<string, BatchResult>();
  readonly #carryOut: CarryOut;
  readonly #ids: readonly string[];
  readonly #failFast: boolean;
  #next = 0;
  #culprit: string | null = null;

  constructor(carryOut: CarryOut, ids: readonly string[], failFast: boolean) {
    this.#carryOut = carryOut;
    this.#ids = ids;
    this.#failFast = failFast;
  }

  async run(width: number): Promise<ReadonlyMap<string, BatchResult>> {
    await Promise.all(Array.from({ length: Math.min(width, this.#ids.length) }, () => this.#work()));
    return this.#results;
  }

  async #work(): Promise<void> {
    for (let index = this.#next++; index < this.#ids.length; index = this.#next++) {
      const id = this.#ids[index] ?? '';
      this.#results.set(id, this.#culprit === null ? await this.#begin(id, index) : notBegun(id, this.#culprit));
    }
  }

  async #begin(id: string, index: number): Promise<BatchResult> {
    const result = await this.#carryOut(id, index);
    if (!result.success && this.#failFast) this.#culprit ??= id;
    return result;
  }
}

/** Never rejects: what goes wrong is this agent's result. */
async function carryOut(
  service: Service,
  request: Message<'batch_control_command'>,
  arrival: Arrival,
  id: string,
  index: number,
): Promise<BatchResult> {
  try {
    if (!isUuid(id)) throw invalid(`batch_control_command.agent_ids[${index}]`, 'must be a uuid', id, id);
    const { request_id, command_type, payload } = request;
    const terms = { idempotency_key: null, deadline: null, accepted: null };
    const command = { type: 'control_command', request_id, agent_id: id, command_type, payload, ...terms } as const;
    const { success, status, data, error, code } = await whenAdmitted(service, askedBy(command), () =>
      answerControl(service, command, arrival),
    );
    return {
      agent_id: id,
      success,
      status: status ?? null,
      error: error ?? null,
      data: data ?? null,
      code: code ?? null,
    };
  } catch (thrown) {
    return failure(id, asSupertreeError(thrown));
  }
}

function notBegun(id: string, agent: string): BatchResult {
  return failure(id, new SupertreeError('BATCH_STOPPED', { agent }));
}

/** An id that is none is told in the error: in its place must stand a uuid. */
function failure(id: string, { message, code }: SupertreeError): BatchResult {
  const agent_id = isUuid(id) ? id : NIL_UUID;
  return { agent_id, success: false, status: null, error: message, data: null, code };
}

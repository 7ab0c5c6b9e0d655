import type { OperationName, ParamsOf, ResultOf } from '../protocol/operations.js';
import type { Draft, Message } from '../protocol/protocol.js';
import type { Arrival } from './arrival.js';
import type { Service } from './control.js';
import { operationOf, readParams } from './params.js';
import { reportProgress } from './progress.js';
import { OPERATIONS } from './tree-operations.js';

/** Answers one of our own operations. Throws what the tree throws, COMMAND_UNKNOWN, MESSAGE_INVALID. */
export async function answerTree(
  service: Service,
  request: Message<'tree_request'>,
  interim: (bytes: Buffer) => void,
  arrival: Arrival,
): Promise<Draft<'tree_response'>> {
  const operation = operationOf(request.operation);
  const params = readParams(operation, request.params);
  const stop = request.progress ? reportProgress(service, request.request_id, params, interim) : undefined;
  try {
    const data = await operate(service, operation, params, arrival);
    return { type: 'tree_response', request_id: request.request_id, success: true, data };
  } finally {
    stop?.();
  }
}

function operate<N extends OperationName>(
  service: Service,
  name: N,
  params: ParamsOf<N>,
  arrival: Arrival,
): Promise<ResultOf<N>> {
  return OPERATIONS[name](service, params, arrival);
}

import type { OperationName, ParamsOf, ResultOf } from '../protocol/operations.js';
import type { Draft, Message } from '../protocol/protocol.js';
import type { Control } from './control.js';
import { operationOf, readParams } from './params.js';
import { reportProgress } from './progress.js';
import type { RequestContext } from './request-context.js';
import { OPERATIONS } from './tree-operations.js';

/** Answers one of our own operations. Throws what the tree throws, COMMAND_UNKNOWN, MESSAGE_INVALID. */
export async function answerTree(
  control: Control,
  request: Message<'tree_request'>,
  interim: (bytes: Buffer) => void,
  context: RequestContext,
): Promise<Draft<'tree_response'>> {
  const operation = operationOf(request.operation);
  const params = readParams(operation, request.params);
  const stop = request.progress ? reportProgress(control, request.request_id, params, interim) : undefined;
  try {
    const data = await operate(control, operation, params, context);
    return { type: 'tree_response', request_id: request.request_id, success: true, data };
  } finally {
    stop?.();
  }
}

function operate<N extends OperationName>(
  control: Control,
  name: N,
  params: ParamsOf<N>,
  context: RequestContext,
): Promise<ResultOf<N>> {
  return OPERATIONS[name](control, params, context);
}

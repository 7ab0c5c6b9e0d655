import { SupertreeError } from '../errors.js';
import { joinPath } from '../model/id.js';
import { isMap } from '../protocol/kinds.js';
import { OPERATIONS, type OperationName, operationNamed, type ParamsOf, readParams } from '../protocol/operations.js';
import type { Draft, Message } from '../protocol/protocol.js';
import type { Opened } from './access/guarded-tree.js';
import { reportProgress } from './progress.js';
import type { Request } from './request.js';
import { HANDLERS, type Handler } from './tree-operations.js';

/** Answers an operation of supertree. Throws the errors of the tree, COMMAND_UNKNOWN, MESSAGE_INVALID. */
export async function answerTree(
  request: Request,
  { request_id, operation: name, params: given, progress }: Message<'tree_request'>,
  opened: Opened,
  interim: (bytes: Buffer) => void,
): Promise<Draft<'tree_response'>> {
  const operation = operationNamed(name);
  if (operation === null) {
    throw new SupertreeError('COMMAND_UNKNOWN', { command: name, known: Object.keys(OPERATIONS).join(', ') });
  }
  const params = readParams(operation.params, given) as ParamsOf<OperationName>;
  const path = progress ? pathOf(opened, operation.of, params) : null;
  const stop = path === null ? undefined : reportProgress(request.control, request_id, path, interim);
  try {
    // The declaration guarantees that operation, parameters and opened subject match.
    const data = await (HANDLERS[name as OperationName] as Handler<OperationName>)(
      opened as never,
      params as never,
      request,
    );
    return { type: 'tree_response', request_id, success: true, data };
  } finally {
    stop?.();
  }
}

/** The path of the agent whose progress is reported: the named one, or the added one; `null` for none. */
function pathOf(opened: Opened, of: string, params: object): string | null {
  if (of === 'agent') return 'path' in opened ? opened.path : null;
  if (of !== 'supervisor' || !('path' in opened) || !('spec' in params)) return null;
  return isMap(params.spec) && typeof params.spec.id === 'string' ? joinPath(opened.path, params.spec.id) : null;
}

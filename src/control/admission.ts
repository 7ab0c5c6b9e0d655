import { asSupertreeError, cut } from '../errors.js';
import { isMap } from '../protocol/kinds.js';
import { operationNameIn, operationOf, operationPerAgent } from '../protocol/operation-of.js';
import type { Operation } from '../protocol/operations.js';
import type { Message, MessageType } from '../protocol/protocol.js';
import type { Opened } from './access/guarded-tree.js';
import type { Request } from './request.js';

/** A message with its operation and subject. */
export interface Asked {
  readonly message: Message<MessageType>;
  /** With the role that its parameters need. `null` for a message that is no request, or that names an unknown operation. */
  readonly operation: Operation | null;
  /** The name of the agent or the supervisor in the message; `null` for none. */
  readonly ref: string | null;
}

/** A message with its subject, opened for the peer. */
export interface Admitted extends Asked {
  readonly opened: Opened;
}

/** Reads the operation and the names of its subject from a message. `parent`: the supervisor to which a `spawn_request` adds. */
export function askedBy(message: Message<MessageType>, parent: string | null): Asked {
  const params = message.type === 'tree_request' ? message.params : {};
  const operation = operationOf(message.type, operationNameIn(message), params);
  return { message, operation, ref: refIn(message, operation, parent) };
}

function refIn(message: Message<MessageType>, operation: Operation | null, parent: string | null): string | null {
  if (message.type === 'spawn_request') return parent;
  if (message.type !== 'tree_request') return 'agent_id' in message ? message.agent_id : null;
  const ref = operation?.named === undefined ? null : message.params[operation.named];
  return typeof ref === 'string' ? ref : null;
}

/** False for an operation that changes nothing: an idempotency key has no meaning for it. */
export function isKeyed({ message }: Asked): boolean {
  const operation = operationPerAgent(message.type, operationNameIn(message));
  return (operation?.idempotency ?? 'none') !== 'none';
}

/**
 * Opens the subject of a request and does `work` with it. Writes one audit line, except for an observation that was not refused. Rejects with the errors of
 * `GuardedTree.open` and of `work`.
 */
export async function admitted<T extends object>(
  request: Request,
  asked: Asked,
  work: (opened: Opened) => T | Promise<T>,
): Promise<T> {
  const { control, tree } = request;
  const { operation, ref } = asked;
  const mayBeAudited = control.audit !== null && (isAudited(asked) || tree.peer.grants !== null);
  if (!mayBeAudited) return work(tree.open(operation, ref));
  // Read before the work: afterwards it may be gone.
  const path = auditedPath(request, asked);
  try {
    const answer = await work(tree.open(operation, ref));
    writeLine(request, askingOf(asked), path, { child: childOf(request, asked, answer), code: codeOf(answer) });
    return answer;
  } catch (thrown) {
    writeLine(request, askingOf(asked), path, failure(asked, thrown));
    throw thrown;
  }
}

/** The check of `admitted` alone: throws its refusal, and writes the audit line of that. */
export function assertAdmitted(request: Request, asked: Asked): void {
  try {
    request.tree.open(asked.operation, asked.ref);
  } catch (thrown) {
    writeLine(request, askingOf(asked), auditedPath(request, asked), failure(asked, thrown));
    throw thrown;
  }
}

/** The parts of an audit line that are known before a request is decoded. */
interface Asking {
  /** The id of the request; empty when it is unknown. */
  readonly id: string;
  /** The command, the operation, or the type of the message. */
  readonly verb: string;
  readonly operation: Operation | null;
}

/** Writes the audit line of a request that was refused with `thrown` before it was decoded: its subject is not known. */
export function auditUndecoded(request: Request, asking: Asking, thrown: unknown): void {
  writeLine(request, asking, null, { child: null, code: asSupertreeError(thrown).code });
}

function isAudited({ operation }: { readonly operation: Operation | null }): boolean {
  return operation !== null && operation.role !== null && operation.role !== 'observe';
}

/** The path in the tree, even if the peer does not know it: the log is for the operator of the server. */
function auditedPath({ control, tree }: Request, { operation, ref }: Asked): string | null {
  if (operation?.of === 'supervisor') return unlessMissing(() => control.tree.supervisor(ref ?? tree.home).path);
  if (ref === null) return null;
  return unlessMissing(() => control.tree.agent(ref).path) ?? control.ended.find(ref)?.path ?? null;
}

/** The child of the request: a pool and a client of the agent protocol do not choose the id of an added child. */
function childOf({ control }: Request, asked: Asked, answer: object): string | null {
  if (asked.operation?.of !== 'supervisor') return null;
  if ('data' in answer && isMap(answer.data) && typeof answer.data.path === 'string') return lastOf(answer.data.path);
  const id = 'agent_info' in answer && isMap(answer.agent_info) ? answer.agent_info.id : null;
  const found = typeof id === 'string' ? unlessMissing(() => lastOf(control.tree.agent(id).path)) : null;
  return found ?? namedChild(asked);
}

/** The name that the message gives to a child of the supervisor; `null` for none. */
function namedChild({ message, operation }: Asked): string | null {
  if (operation?.of !== 'supervisor') return null;
  if (message.type === 'spawn_request') return message.config.name;
  if (message.type !== 'tree_request') return null;
  const { id, spec } = message.params;
  const name = id ?? (isMap(spec) ? spec.id : null);
  return typeof name === 'string' ? name : null;
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The error code of an answer; `null` for a success. */
function codeOf(answer: object): string | null {
  if (!('success' in answer) || answer.success !== false) return null;
  return 'code' in answer && typeof answer.code === 'string' ? answer.code : 'INTERNAL';
}

/** The codes of refusals, as opposed to failures. */
const REFUSALS: ReadonlySet<string> = new Set([
  'FORBIDDEN',
  'KEY_UNPROVEN',
  'AGENT_NOT_FOUND',
  'AGENT_AMBIGUOUS',
  'SUPERVISOR_NOT_FOUND',
  'SUPERVISOR_AMBIGUOUS',
]);

/** The outcome of a request. */
interface AuditedResult {
  readonly child: string | null;
  /** The code of the error; `null` when it was done. */
  readonly code: string | null;
}

function failure(asked: Asked, thrown: unknown): AuditedResult {
  return { child: namedChild(asked), code: asSupertreeError(thrown).code };
}

function askingOf({ message, operation }: Asked): Asking {
  const id = 'request_id' in message ? message.request_id : '';
  return { id, verb: operationNameIn(message) ?? message.type, operation };
}

function writeLine(
  { control, tree }: Request,
  asking: Asking,
  path: string | null,
  { child, code }: AuditedResult,
): void {
  const { peer } = tree;
  const isRefused = code !== null && peer.grants !== null && REFUSALS.has(code);
  if (!isAudited(asking) && !isRefused) return;
  control.audit?.({
    key: peer.name,
    request: cut(asking.id, MAX_TEXT),
    verb: cut(asking.verb, MAX_TEXT),
    path,
    child: child === null ? null : cut(child, MAX_TEXT),
    outcome: code === null ? 'done' : isRefused ? 'refused' : 'failed',
    code,
  });
}

/** The most characters of an id, a child or a verb that a peer chose. */
const MAX_TEXT = 128;

/** `null` for something that is not in the tree: the audit line has the code of that error. */
function unlessMissing<T>(look: () => T): T | null {
  try {
    return look();
  } catch {
    return null;
  }
}

import { asSupertreeError, cut } from '../errors.js';
import { isMap } from '../protocol/kinds.js';
import type { Opened } from './access/guarded-tree.js';
import type { Asked } from './asked.js';
import type { Request } from './request.js';

/**
 * Opens the subject of a request and does `work` with it. Writes one audit line, except for an observation that was not refused. Rejects with the errors of
 * `GuardedTree.open` and of `work`.
 */
export async function admitted<T extends object>(
  request: Request,
  asked: Asked,
  work: (opened: Opened) => T | Promise<T>,
): Promise<T> {
  if (!isAudited(asked) && request.tree.peer.grants === null) return work(openedBy(request, asked));
  // Read before the work: afterwards it may be gone.
  const path = auditedPath(request, asked);
  try {
    const answer = await work(openedBy(request, asked));
    writeLine(request, { ...asked, child: childOf(request, asked, answer) }, path, codeOf(answer));
    return answer;
  } catch (thrown) {
    writeLine(request, asked, path, asSupertreeError(thrown).code);
    throw thrown;
  }
}

/** The check of `admitted` alone: throws its refusal, and writes the audit line of that. */
export function assertAdmitted(request: Request, asked: Asked): void {
  try {
    openedBy(request, asked);
  } catch (thrown) {
    writeLine(request, asked, auditedPath(request, asked), asSupertreeError(thrown).code);
    throw thrown;
  }
}

/** A message that is no request has no subject: any peer that has proved its key gets the error. */
function openedBy({ tree }: Request, { operation, ref }: Asked): Opened {
  return tree.open(operation ?? NO_OPERATION, ref);
}

const NO_OPERATION = { of: 'server', role: null } as const;

function isAudited({ operation }: Asked): boolean {
  return operation !== null && operation.role !== null && operation.role !== 'observe';
}

/** The path in the tree, even if the peer does not know it: the log is for the operator of the server. */
function auditedPath({ control, tree }: Request, { operation, ref }: Asked): string | null {
  if (operation?.of === 'supervisor') return unlessMissing(() => control.tree.supervisor(ref ?? tree.home).path);
  if (ref === null) return null;
  return unlessMissing(() => control.tree.agent(ref).path) ?? control.ended.find(ref)?.path ?? null;
}

/** The child of the request: a pool and a client of the agent protocol do not choose the id of an added child. */
function childOf({ control }: Request, { operation, child }: Asked, answer: object): string | null {
  if (operation?.of !== 'supervisor') return null;
  if ('data' in answer && isMap(answer.data) && typeof answer.data.path === 'string') return lastOf(answer.data.path);
  const id = 'agent_info' in answer && isMap(answer.agent_info) ? answer.agent_info.id : null;
  return typeof id === 'string' ? (unlessMissing(() => lastOf(control.tree.agent(id).path)) ?? child) : child;
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

function writeLine({ control, tree }: Request, asked: Asked, path: string | null, code: string | null): void {
  const { peer } = tree;
  const isRefused = code !== null && peer.grants !== null && REFUSALS.has(code);
  if (!isAudited(asked) && !isRefused) return;
  const [request = '', verb = ''] = [asked.requestId, asked.verb].map((text) => cut(text, MAX_TEXT));
  const child = asked.operation?.of === 'supervisor' && asked.child !== null ? cut(asked.child, MAX_TEXT) : null;
  const outcome = code === null ? 'done' : isRefused ? 'refused' : 'failed';
  control.audit({ key: peer.name, request, verb, path, child, outcome, code });
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

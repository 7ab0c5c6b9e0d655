import { asSupertreeError, cut } from '../errors.js';
import { isMap } from '../protocol/kinds.js';
import type { Opened } from './access/guarded-tree.js';
import type { Asked } from './asked.js';
import type { Request } from './request.js';

/**
 * Opens what was asked for and does `work` with it. Writes one audit line, for everything but an observation that was not refused. Rejects as
 * `GuardedTree.open` throws, and as `work` does.
 */
export async function admitted<T extends object>(
  request: Request,
  asked: Asked,
  work: (opened: Opened) => T | Promise<T>,
): Promise<T> {
  if (!isAudited(asked) && request.tree.peer.grants === null) return work(openedBy(request, asked));
  // Before anything is done: afterwards it may be gone.
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

/** Throws what `admitted` rejects with before anything is done, and writes the audit line of that. */
export function assertAdmitted(request: Request, asked: Asked): void {
  try {
    openedBy(request, asked);
  } catch (thrown) {
    writeLine(request, asked, auditedPath(request, asked), asSupertreeError(thrown).code);
    throw thrown;
  }
}

/** A message that is no request has nothing to open: any peer that has proved its key is told so. */
function openedBy({ tree }: Request, { operation, ref }: Asked): Opened {
  return tree.open(operation ?? NO_OPERATION, ref);
}

const NO_OPERATION = { of: 'server', role: null } as const;

function isAudited({ operation }: Asked): boolean {
  return operation !== null && operation.role !== null && operation.role !== 'observe';
}

/** The path as the server knows it, whatever the peer knows: the log is for whoever runs the server. */
function auditedPath({ control, tree }: Request, { operation, ref }: Asked): string | null {
  if (operation?.of === 'supervisor') return unlessMissing(() => control.tree.supervisor(ref ?? tree.home).path);
  if (ref === null) return null;
  return unlessMissing(() => control.tree.agent(ref).path) ?? control.ended.find(ref)?.path ?? null;
}

/** The child that it was done to: a pool and a client of the agent protocol do not choose the id of what they add. */
function childOf({ control }: Request, { operation, child }: Asked, answer: object): string | null {
  if (operation?.of !== 'supervisor') return null;
  if ('data' in answer && isMap(answer.data) && typeof answer.data.path === 'string') return lastOf(answer.data.path);
  const id = 'agent_info' in answer && isMap(answer.agent_info) ? answer.agent_info.id : null;
  return typeof id === 'string' ? (unlessMissing(() => lastOf(control.tree.agent(id).path)) ?? child) : child;
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The code of an answer that says that it was not done; `null` for any other. */
function codeOf(answer: object): string | null {
  if (!('success' in answer) || answer.success !== false) return null;
  return 'code' in answer && typeof answer.code === 'string' ? answer.code : 'INTERNAL';
}

/** What says that the peer may not do it, rather than that it did not work. */
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

/** An id, a child or a verb that a peer made up is cut at so many characters. */
const MAX_TEXT = 128;

/** `null` for what is not in the tree: the code of the audit line says so. */
function unlessMissing<T>(look: () => T): T | null {
  try {
    return look();
  } catch {
    return null;
  }
}

import { asSupertreeError } from '../../errors.js';
import { joinPath } from '../../model/id.js';
import type { Report } from '../../model/report.js';
import { encode } from '../wire/decode.js';
import { isMap } from '../wire/kinds.js';
import type { Service } from './service.js';

/** The reports that move an agent from one state to another. */
const MOVES: ReadonlySet<Report['type']> = new Set<Report['type']>([
  'state',
  'started',
  'ready',
  'exited',
  'paused',
  'resumed',
  'restarting',
  'exhausted',
  'zombie',
]);

/** Sends a `tree_progress` for every change of the agent that a request is about. Returns the way to end that. */
export function reportProgress(
  service: Service,
  requestId: string,
  params: object,
  interim: (bytes: Buffer) => void,
): () => void {
  const path = pathOf(service, params);
  if (path === null) return () => {};
  let last = '';
  return service.tree.subscribe((report) => {
    if (report.path !== path || !MOVES.has(report.type)) return;
    const now = stateOf(service, path);
    if (now === null || now.detail === last) return;
    last = now.detail;
    interim(encode<'tree_progress'>({ type: 'tree_progress', request_id: requestId, path, ...now }));
  });
}

/** The path that the parameters are about; `null` when they are about no agent, or about an unknown one, which the operation tells. */
function pathOf(service: Service, params: object): string | null {
  const { agent, parent, spec } = params as { agent?: string; parent?: string; spec?: unknown };
  if (agent !== undefined) return unlessMissing(() => service.tree.agent(agent).path);
  if (!isMap(spec) || typeof spec.id !== 'string') return null;
  const { id } = spec;
  return unlessMissing(() => joinPath(service.tree.supervisor(parent).path, id));
}

function stateOf(service: Service, path: string): { state: string; detail: string } | null {
  return unlessMissing(() => {
    const { state, detail } = service.tree.agent(path).view();
    return { state, detail };
  });
}

function unlessMissing<T>(look: () => T): T | null {
  try {
    return look();
  } catch (thrown) {
    if (MISSING.has(asSupertreeError(thrown).code)) return null;
    throw thrown;
  }
}

const MISSING: ReadonlySet<string> = new Set(['AGENT_NOT_FOUND', 'AGENT_AMBIGUOUS', 'SUPERVISOR_NOT_FOUND']);

import { asSupertreeError } from '../errors.js';
import { joinPath } from '../model/id.js';
import type { Report } from '../model/report.js';
import { encode } from '../protocol/decode.js';
import { isMap } from '../protocol/kinds.js';
import type { Control } from './control.js';
import { type Place, placeOf, ReportBatch } from './streams/report-batch.js';

/** The reports that move an agent from one state, or sub-state, to another. */
const MOVES: ReadonlySet<Report['type']> = new Set<Report['type']>(['state', 'substate', 'restarting', 'exhausted']);

/**
 * Sends a `tree_progress` for every state and sub-state that the agent comes into which a request is about. Returns the way to end that;
 * what has happened until then is told.
 */
export function reportProgress(
  control: Control,
  requestId: string,
  params: object,
  interim: (bytes: Buffer) => void,
): () => void {
  const path = pathOf(control, params);
  if (path === null) return () => {};
  let last = '';
  const tell = (place: Place | null): void => {
    if (place === null || place.detail === last) return;
    const { state, detail } = place;
    last = detail;
    interim(encode<'tree_progress'>({ type: 'tree_progress', request_id: requestId, path, state, detail }));
  };
  const batch = new ReportBatch((reports) => {
    try {
      const now = placeAt(control, path);
      for (const report of reports) tell(placeOf(report, report === reports.at(-1) ? now : null));
    } catch (thrown) {
      control.failed(thrown);
    }
  });
  const unsubscribe = control.tree.subscribe((report) => {
    if (report.path === path && MOVES.has(report.type)) batch.add(report);
  });
  return () => {
    unsubscribe();
    batch.flush();
  };
}

/** The path that the parameters are about; `null` when they are about no agent, or about an unknown one, which the operation tells. */
function pathOf(control: Control, params: object): string | null {
  // The supervisor is `parent` for `spawn`, `path` for `add_child`.
  const { agent, parent, path, spec } = params as { agent?: string; parent?: string; path?: string; spec?: unknown };
  if (agent !== undefined) return unlessMissing(() => control.tree.agent(agent).path);
  if (!isMap(spec) || typeof spec.id !== 'string') return null;
  const { id } = spec;
  return unlessMissing(() => joinPath(control.tree.supervisor(parent ?? path).path, id));
}

function placeAt(control: Control, path: string): Place | null {
  return unlessMissing(() => control.tree.agent(path).view());
}

function unlessMissing<T>(look: () => T): T | null {
  try {
    return look();
  } catch (thrown) {
    if (MISSING.has(asSupertreeError(thrown).code)) return null;
    throw thrown;
  }
}

const MISSING: ReadonlySet<string> = new Set([
  'AGENT_NOT_FOUND',
  'AGENT_AMBIGUOUS',
  'SUPERVISOR_NOT_FOUND',
  'SUPERVISOR_AMBIGUOUS',
]);

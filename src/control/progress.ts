import { asSupertreeError } from '../errors.js';
import { type Report, waitingText } from '../model/report.js';
import { encode } from '../protocol/decode.js';
import type { Control } from './control.js';
import { type FullState, stateAfter } from './streams/report-fan-out.js';

/** The reports of a change of an agent's state or sub-state. */
const STATE_REPORTS: ReadonlySet<Report['type']> = new Set<Report['type']>([
  'state',
  'substate',
  'restarting',
  'exhausted',
]);

/** Does `work` and meanwhile sends a `tree_progress` for every state and sub-state that the agent at `path` enters. */
export async function withProgress<T>(
  control: Control,
  requestId: string,
  path: string,
  interim: (bytes: Buffer) => void,
  work: () => T | Promise<T>,
): Promise<T> {
  const stop = reportProgress(control, requestId, path, interim);
  try {
    return await work();
  } finally {
    stop();
  }
}

/** Returns a function that ends the progress messages, after the reports that are waiting. */
function reportProgress(
  control: Control,
  requestId: string,
  path: string,
  interim: (bytes: Buffer) => void,
): () => void {
  let last = '';
  const send = (entered: FullState | null): void => {
    if (entered === null || entered.detail === last) return;
    const { state, detail } = entered;
    last = detail;
    interim(encode<'tree_progress'>({ type: 'tree_progress', request_id: requestId, path, state, detail }));
  };
  return control.reports.follow(path, {
    take: (reports) => {
      const now = stateAt(control, path);
      const lastState = reports.findLast(({ report }) => STATE_REPORTS.has(report.type))?.report;
      for (const { report } of reports) {
        if (report.type === 'waiting') send(waitingState(report));
        else if (STATE_REPORTS.has(report.type)) send(stateAfter(report, report === lastState ? now : null));
      }
    },
  });
}

/** The state of an agent that waits for siblings to be ready. */
function waitingState({ for: others }: Extract<Report, { type: 'waiting' }>): FullState {
  return { state: 'stopped', detail: waitingText(others) };
}

function stateAt(control: Control, path: string): FullState | null {
  try {
    return control.tree.agent(path).view();
  } catch (thrown) {
    if (MISSING.has(asSupertreeError(thrown).code)) return null;
    throw thrown;
  }
}

const MISSING: ReadonlySet<string> = new Set([
  'AGENT_NOT_FOUND',
  'AGENT_ABSENT',
  'AGENT_AMBIGUOUS',
  'SUPERVISOR_NOT_FOUND',
  'SUPERVISOR_AMBIGUOUS',
]);

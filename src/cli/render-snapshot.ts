import type { AgentView } from '../contract/view.js';
import type { Snapshot } from '../protocol/operations.js';
import { age, ports, stateText } from './format.js';
import type { View } from './render.js';
import { type Column, table } from './table.js';

/** A supervisor, or an agent with its view. */
interface Row {
  readonly path: string;
  readonly status: string;
  readonly agent: AgentView | null;
}

/** The columns that a narrow terminal omits, the least important first. */
const OPTIONAL_COLUMNS = ['HEALTH', 'PORTS', 'RESTARTS', 'SINCE', 'PID'];

/** The table of `supertree events`: every supervisor and agent by path, and the number of the last event. */
export function renderSnapshot({ epoch, seq, agents, supervisors }: Snapshot, view: View): string[] {
  const rows: Row[] = [
    ...supervisors.map(({ path, status }) => ({ path, status, agent: null })),
    ...agents.map((agent) => ({ path: agent.path, status: stateText(agent), agent })),
  ];
  // In the order of a tree: a slash sorts before any other character of a name.
  const key = ({ path }: Row) => path.replaceAll('/', '\u0001');
  rows.sort((a, b) => (key(a) < key(b) ? -1 : 1));
  return [...table(columnsOf(view), rows, view.columns, OPTIONAL_COLUMNS), `after event ${seq} of ${epoch}`];
}

function columnsOf(view: View): Column<Row>[] {
  const ofAgent = (title: string, cell: (agent: AgentView) => string, align: 'left' | 'right'): Column<Row> => ({
    title,
    align,
    cell: ({ agent }) => (agent === null ? '-' : cell(agent)),
  });
  return [
    { title: 'PATH', cell: ({ path }) => path },
    {
      title: 'STATE',
      cell: ({ status }) => status,
      paint: ({ agent }, text) => view.paint(agent?.state ?? 'other', text),
    },
    ofAgent('PID', ({ pid }) => String(pid ?? '-'), 'right'),
    ofAgent('PORTS', ports, 'left'),
    ofAgent('RESTARTS', ({ restarts }) => String(restarts), 'right'),
    ofAgent('HEALTH', ({ health }) => health, 'left'),
    ofAgent('SINCE', ({ since }) => age(since, view.now), 'right'),
  ];
}

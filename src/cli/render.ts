import type { AgentView, SupervisorView, TreeView } from '../contract/view.js';
import type { AgentState } from '../model/agent.js';
import { printable } from '../model/printable.js';
import { describeExit } from '../model/reason.js';
import { blockersText } from '../model/report.js';
import { failedSupervisors } from '../protocol/failed-supervisors.js';
import type { AgentRow, ServerHealth } from '../protocol/operations.js';
import { age, duration, type Paint, percent, ports, size, stateCell, stateText } from './format.js';
import { type Column, table } from './table.js';
import { pad } from './width.js';

/** The parameters of a drawing besides its subject. */
export interface View {
  /** Wall-clock ms. */
  readonly now: number;
  /** Columns of the terminal; infinite without a terminal. */
  readonly columns: number;
  readonly paint: Paint;
}

type Usage = AgentRow['usage'];

/** One line of a tree: an agent, or a supervisor, which has only a status. */
interface Branch {
  readonly name: string;
  readonly node: TreeView;
}

/** The columns that a narrow terminal omits, the least important first. */
const OPTIONAL_COLUMNS = ['UUID', 'HEALTH', 'PORTS', 'RESTARTS', 'SINCE', 'PID', 'MEMORY', 'CPU'];

/** The table of `supertree ps` and `supertree top`. */
export function renderAgents(rows: readonly AgentRow[], view: View): string[] {
  const columns: Column<AgentRow>[] = [
    { title: 'PATH', cell: (row) => row.path },
    { title: 'UUID', cell: (row) => row.uuid },
    ...agentColumns<AgentRow>((row) => agentCells(row, view), view),
  ];
  return table(columns, rows, view.columns, OPTIONAL_COLUMNS);
}

/** The drawing of `supertree tree`. */
export function renderTree(root: SupervisorView, view: View): string[] {
  const columns: Column<Branch>[] = [
    { title: 'TREE', cell: (branch) => branch.name },
    ...agentColumns<Branch>(
      ({ node }) => (node.kind === 'agent' ? agentCells(node, view) : supervisorCells(node)),
      view,
    ),
    { title: 'UUID', cell: ({ node }) => (node.kind === 'agent' ? node.uuid : '-') },
  ];
  return table(columns, branches(root, '', ''), view.columns, OPTIONAL_COLUMNS);
}

/** Everything about one agent, a fact a line. */
export function renderStatus(row: AgentRow, view: View): string[] {
  const since = (at: number | null) => (at === null ? '-' : `${age(at, view.now)} ago`);
  const facts: [string, string][] = [
    ['path', row.path],
    ['uuid', row.uuid],
    ['state', `${view.paint(row.state, printable(stateText(row)))} for ${age(row.since, view.now)}`],
    ['health', healthText(row, view)],
    ...(row.statusText ? [['says', row.statusText] as [string, string]] : []),
    ['pid', row.pid === null ? '-' : String(row.pid)],
    ['ports', ports(row)],
    ['command', row.command.join(' ')],
    ['incarnation', `${row.incarnation}, restarted ${row.restarts === 1 ? 'once' : `${row.restarts} times`}`],
    ['cpu', row.usage === null ? '-' : percent(row.usage.cpu)],
    ['memory', row.usage === null ? '-' : memoryText(row.usage)],
    ['created', since(row.createdAt)],
    ['started', since(row.startedAt)],
    ['ready', since(row.readyAt)],
    ...occasional(row, view),
  ];
  const shown = facts.map(([name, value]) => `${pad(name, 12)} ${name === 'state' ? value : printable(value)}`);
  return shown.concat(tailLines(row));
}

/** A supervisor or pool, a fact a line. */
export function renderSupervisor(node: SupervisorView): string[] {
  const facts: [string, string][] = [
    ['path', node.path],
    ['status', node.status],
    ['strategy', node.strategy],
    ['children', node.children.length === 0 ? '-' : node.children.map(({ id }) => id).join(' ')],
    ...failedSupervisors(node).map((sentence): [string, string] => ['failed', sentence]),
  ];
  return facts.map(([name, value]) => `${pad(name, 12)} ${printable(value)}`);
}

/** The lines below a table: each failed supervisor with its culprit. */
export function renderFailures(sentences: readonly string[]): string[] {
  return sentences.length === 0 ? [] : ['', ...sentences.map((sentence) => `${printable(sentence)}.`)];
}

/** The size, and how it was measured, which a server of an older version does not say. */
function memoryText({ memory, measure }: { readonly memory: number; readonly measure?: string }): string {
  return measure === undefined ? size(memory) : `${size(memory)} (${measure.toUpperCase()})`;
}

function healthText(
  row: Pick<AgentRow, 'health' | 'healthSince' | 'healthDetail'>,
  { now }: Pick<View, 'now'>,
): string {
  // A server of an older version sends neither.
  const { health, healthSince = null, healthDetail = '' } = row;
  const since = healthSince === null ? '' : ` for ${age(healthSince, now)}`;
  return `${health}${since}${healthDetail === '' ? '' : `; the last probe failed: ${healthDetail}`}`;
}

/** The health of the server, a fact a line. `givenUp` is the number of agents that failed and are not restarted; `now` is wall-clock ms. */
export function renderHealth(health: ServerHealth, givenUp: number, now: number): string[] {
  const states = Object.entries(health.states).map(([state, count]) => `${count} ${state}`);
  const facts: [string, string][] = [
    ['healthy', health.healthy ? 'yes' : 'no'],
    ['server', health.serverId],
    ['version', `${health.version}, protocol ${health.protocolVersion}`],
    ['endpoints', health.endpoints.join(' ')],
    ['uptime', duration(health.uptime)],
    ['agents', `${health.agents} of at most ${health.maxAgents}, ${health.active} active`],
    ['states', states.length === 0 ? '-' : states.join(', ')],
  ];
  for (const sentence of health.failed ?? []) facts.push(['failed', printable(sentence)]);
  for (const { path, health: of, since, detail } of health.unhealthy ?? [])
    facts.push([
      'in doubt',
      printable(`${path} is ${healthText({ health: of, healthSince: since, healthDetail: detail }, { now })}`),
    ]);
  if (givenUp === 1) facts.push(['given up', '1 agent failed and is not tried again']);
  if (givenUp > 1) facts.push(['given up', `${givenUp} agents failed and are not tried again`]);
  return facts.map(([name, value]) => `${pad(name, 12)} ${value}`);
}

/** The cells of a row of either table; a supervisor has only a state. */
interface Cells {
  readonly state: string;
  /** The state that decides the colour. If not given, the colour of a supervisor. */
  readonly agentState?: AgentState;
  readonly pid?: number | null;
  readonly ports?: Readonly<Record<string, number>>;
  readonly restarts?: number;
  readonly health?: string;
  readonly usage?: Usage;
  readonly since?: number;
}

function agentColumns<Row>(cellsOf: (row: Row) => Cells, view: View): Column<Row>[] {
  const column = (title: string, cell: (cells: Cells) => string, align: 'left' | 'right' = 'right'): Column<Row> => ({
    title,
    align,
    cell: (row) => cell(cellsOf(row)),
  });
  const paint = (row: Row, text: string) => view.paint(cellsOf(row).agentState ?? 'other', text);
  return [
    { ...column('STATE', (cells) => cells.state, 'left'), paint },
    column('PID', (cells) => String(cells.pid ?? '-')),
    column('PORTS', (cells) => ports({ ports: cells.ports ?? {} }), 'left'),
    column('RESTARTS', (cells) => String(cells.restarts ?? '-')),
    column('HEALTH', (cells) => cells.health ?? '-', 'left'),
    column('CPU', ({ usage }) => (usage ? percent(usage.cpu) : '-')),
    column('MEMORY', ({ usage }) => (usage ? size(usage.memory) : '-')),
    column('SINCE', ({ since }) => (since === undefined ? '-' : age(since, view.now))),
  ];
}

function agentCells<Row extends AgentView & { usage?: Usage }>(row: Row, view: View): Cells {
  return { ...row, agentState: row.state, state: stateCell(row, view.now) };
}

/** A supervisor has no agent state: its status and strategy are shown. */
function supervisorCells(node: SupervisorView): Cells {
  return { state: node.status };
}

function branches(node: TreeView, own: string, below: string): Branch[] {
  if (node.kind === 'agent') return [{ name: own + node.id, node }];
  const last = node.children.length - 1;
  const rest = node.children.flatMap((child, index) =>
    branches(child, `${below}${index === last ? '└─ ' : '├─ '}`, `${below}${index === last ? '   ' : '│  '}`),
  );
  return [{ name: `${own}${node.id} (${node.strategy})`, node }, ...rest];
}

/** Facts that are shown only when they apply. */
function occasional(row: AgentRow, view: View): [string, string][] {
  const facts: [string, string][] = [];
  if (row.pausedAt !== null) facts.push(['paused', `${age(row.pausedAt, view.now)} ago, ${row.pauseMode}`]);
  if (row.retryIn !== null) facts.push(['next try', `in ${Math.round(row.retryIn)} ms`]);
  if (row.blockers.length > 0) facts.push(['blocked by', blockersText(row.blockers)]);
  for (const [name, value] of Object.entries(row.metadata)) facts.push(['metadata', `${name}=${value}`]);
  if (row.exit !== null) {
    const { exit } = row;
    facts.push(['last exit', `${describeExit(exit)}, ${age(exit.exitedAt, view.now)} ago`]);
  }
  return facts;
}

function tailLines(row: AgentRow): string[] {
  return (row.exit?.tail ?? []).map((line) => `${pad('', 12)} | ${printable(line)}`);
}

import type { Command } from 'commander';
import { EXIT, exitCodeOf } from '../src/cli/exit.js';
import type { Invocation } from '../src/cli/invocation.js';
import { createProgram } from '../src/cli/program.js';
import { errorCatalogue, SupertreeError } from '../src/errors.js';
import type { Report } from '../src/model/report.js';
import { controlTables } from './control-tables.js';
import { alternativesOf, type Member } from './declarations.js';
import { fixedLimits, settingTables } from './limit-tables.js';
import { code, page, table } from './markdown.js';
import { requestOptionTables } from './request-option-tables.js';
import { backendTables, endedAgentsText } from './spawn-tables.js';
import { specTables } from './spec-tables.js';
import { streamTables } from './stream-tables.js';
import { messageTables, operationTable, resultTable } from './wire-tables.js';
import { statusTable, wordTables } from './word-tables.js';

/** The text of docs/reference.md. */
export function referencePage(): string {
  return page([
    '# Reference',
    'Generated from the sources by `npm run generate`. Times are milliseconds and sizes bytes, where nothing else is said.',
    '## Fields of a tree',
    'What `createTree` and a tree file take; `schema/tree.schema.json` is the same for editors. A key that is not named here is an error. In a program, an agent has `command`, or `task` (an async function), or `logic` (any XState logic) with its `input`; only a command has `cwd`, `env`, `limits` and `stop.signal`, and a logic has no `ports`.',
    ...specTables(),
    '## Settings of a server',
    ...settingTables(),
    '## Reports',
    'Every report has `path`, whose it is, and `at`, wall-clock milliseconds. For one incarnation the order is created, started, ready, exited, removed.',
    reportTable(),
    ...resultTable('model/exit.ts', 'ExitRecord'),
    ...resultTable('model/agent.ts', 'Blocker'),
    '## Errors',
    'The errors of the library, the server and the command line: a code for programs, a sentence and a remedy for people. The last column is the exit code of `supertree`.',
    errorTable(),
    '## The command line',
    ...commandSections(),
    '### Exit codes',
    table(
      ['code', 'means'],
      Object.entries(EXIT).map(([name, exit]) => [String(exit), EXITS[name as keyof typeof EXIT]]),
    ),
    ...wirePart(),
  ]);
}

function wirePart(): string[] {
  return [
    '## The wire',
    'For an introduction with a whole program see [Talking to a server from another language](wire.md).',
    '### Messages',
    ...messageTables(),
    '### Options of a request',
    ...requestOptionTables(),
    '### Commands of a control_command',
    ...controlTables(),
    '### States in the words of the agent protocol',
    statusTable(),
    '### Backends of a spawn_request',
    ...backendTables(),
    '### Ended agents',
    endedAgentsText(),
    '### Operations of a tree_request',
    'A parameter that is not named here is refused; nil counts as absent. With `wait: false` the answer comes as soon as the command is accepted, otherwise when it is done; `usage: true` measures cpu and memory. The last column is the [role](security.md#roles) that a key needs.',
    operationTable(),
    'An `AgentData` is an [Agent](#agent) as in a tree file: without the fields that only the program of the tree can give, such as functions. An `AgentRow` is an `AgentView` with `usage`, a `Usage` or `null` where it was not measured. A `TreeView` is a `SupervisorView`, or an `AgentRow` with `kind: "agent"`.',
    ...wordTables(),
    ...['AgentView', 'SupervisorView', 'Usage'].flatMap((name) => resultTable('contract/view.ts', name)),
    ...['LogsQuery', 'LogsPage', 'LineView', 'ChildAnswer', 'ServerHealth'].flatMap((name) =>
      resultTable('protocol/operations/results.ts', name),
    ),
    '### Published messages',
    ...streamTables(),
    '### Limits that are fixed',
    ...fixedLimits(),
  ];
}

/** The meaning of each report. */
const REPORTS: Readonly<Record<Report['type'], string>> = {
  created: 'An agent was added to the tree; it is not started yet.',
  started: 'Its body runs. `pid` is `null` for a body that is no process.',
  adopted:
    'An incarnation that an earlier server has started, and that outlived it, was taken over. It comes instead of `started`.',
  ready: 'It is ready, `after` so many milliseconds from the command to start it.',
  exited: 'Its main process ended, or could not be started.',
  state: 'It entered a state of its chart.',
  substate:
    'It entered another sub-state of its state, such as the next stage of its stop. The first sub-state of a state has no report; those of `failed` are reported as `restarting` and `exhausted`.',
  paused: 'It is paused.',
  resumed: 'It was resumed.',
  health: 'Its health changed.',
  restarting: 'It is started again after `delay`. `restarts` count within the window, `left` more are allowed.',
  waiting: 'Its start waits until the siblings in `for` are ready.',
  exhausted: 'It is not restarted: `restarts` restarts `within` the window exceed the budget.',
  zombie: 'Its process tree could not be ended.',
  removed: 'It was removed from the tree.',
  'port-conflict': 'A port could not be leased, because another program holds it.',
  limit: 'It exceeded a limit: bytes of memory, or percent of one core.',
  'dead-letter': 'A fact of another incarnation came and was ignored.',
  supervisor: 'A supervisor or pool entered a state.',
  error:
    'An error in user code (a task, a logic, a listener), or one that belongs to no caller. It was caught, and the tree goes on.',
};

function reportTable(): string {
  const rows = alternativesOf('model/report.ts', 'ReportBody').map(([first, ...fields]) => {
    const type = (first as Member).type.replaceAll("'", '') as Report['type'];
    return [code(type), REPORTS[type], fields.map(({ name, type: of }) => code(`${name}: ${of}`)).join(', ')];
  });
  return table(['report', 'meaning', 'fields'], rows);
}

function errorTable(): string {
  const rows = errorCatalogue().map(({ code: name, sentence, remedy }) => [
    code(name),
    sentence,
    remedy,
    String(exitCodeOf(new SupertreeError(name))),
  ]);
  return table(['code', 'sentence', 'remedy', 'exit'], rows);
}

const EXITS: Readonly<Record<keyof typeof EXIT, string>> = {
  done: 'It is done.',
  failed: 'It was refused or failed: one line on standard error with code, sentence and remedy.',
  usage: 'The command line was not understood.',
  noServer: 'No server answered.',
  SIGINT: 'The wait was interrupted with Ctrl-C; a command that was accepted goes on.',
  SIGTERM: 'The wait was interrupted with SIGTERM; a command that was accepted goes on.',
};

function commandSections(): string[] {
  const stream = { write: () => undefined, terminal: false, columns: Number.POSITIVE_INFINITY };
  const host = { cwd: '/', out: stream, err: stream } as unknown as Invocation['host'];
  const program = createProgram({ host, argv: [], finish: () => undefined }, '');
  return [...optionTable(program), ...program.commands.flatMap(commandSection)];
}

function commandSection(command: Command): string[] {
  const args = command.registeredArguments.filter(({ description }) => description !== '');
  const rows = args.map((each) => [code(each.name()), each.description]);
  return [
    `### supertree ${command.name()}`,
    `${code(`supertree ${command.name()} ${command.usage()}`)}: ${command.description()}`,
    ...(rows.length === 0 ? [] : [table(['argument', 'meaning'], rows)]),
    ...optionTable(command),
  ];
}

function optionTable({ options }: Command): string[] {
  const rows = options.map(({ flags, description, argChoices }) => [
    code(flags),
    argChoices === undefined ? description : `${description} (${argChoices.join(', ')})`,
  ]);
  return rows.length === 0 ? [] : [table(['option', 'meaning'], rows)];
}

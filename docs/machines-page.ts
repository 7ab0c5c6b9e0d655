import type { AnyStateMachine, AnyStateNode } from 'xstate';
import {
  agentMachine,
  linkMachine,
  supervisorMachine,
  systemRootMachine,
  transportMachine,
} from '../src/machines/index.js';
import { code, page, table } from './markdown.js';
import { allStates, type Edge, edgesFrom, guardOf, mermaid, triggerOf } from './mermaid.js';

/** The charts in the order of the page. */
export const CHARTS: readonly (readonly [title: string, about: string, machine: AnyStateMachine])[] = [
  [
    'The agent',
    'One supervised process, task or logic over all its incarnations. `stopped`, `completed` and `failed` are entered only when the whole process tree is verified gone.',
    agentMachine,
  ],
  [
    'The supervisor',
    'The visible lifecycle of a supervisor or pool. Every fact about its children goes to its engine (`decide`), which makes the decisions.',
    supervisorMachine,
  ],
  [
    'The transport',
    'The door of a server: the sockets that requests come to and reports go out from. Requests themselves do not pass through the chart.',
    transportMachine,
  ],
  [
    'The link',
    'The connection of a client to one server. It is connected when the server has answered, not when bytes could be sent.',
    linkMachine,
  ],
  ['The system root', 'The root of one more XState system of a supervisor with many agents.', systemRootMachine],
];

/** How to open a chart in an editor. */
const OPENING = [
  '## Open a chart in the Stately editor',
  `Each chart is also a JSON file with every state and transition: ${files()}. Its source shares transitions among states, and a reader of the source alone does not find those.`,
  'The [Stately editor](https://stately.ai/editor) imports what `createMachine` of XState 5 takes: put `createMachine(` in front of the text of the file and `)` behind it, and import that as code. A program reads the file itself, and gives the effects, guards and delays with `provide`:',
  [
    '```ts',
    "import { readFileSync } from 'node:fs';",
    "import { createMachine } from 'xstate';",
    '',
    "const chart = createMachine(JSON.parse(readFileSync('docs/machines/agent.json', 'utf8')));",
    'chart.provide({ actions: { launch: () => {} } });',
    '```',
  ].join('\n'),
  'The files do not contain values that are computed at run time: the context, and params of an effect that are taken from the event.',
];

function files(): string {
  return CHARTS.map(([, , { id }]) => `[${id}](machines/${id}.json)`).join(', ');
}

/** The text of docs/machines.md. */
export function machinesPage(): string {
  return page([
    '# The charts',
    'Generated from `supertree/machines` by `npm run generate`: this is what runs. Times and effects are those of the [reference](reference.md).',
    'In the drawings an arrow that leads into a state from the one around it stands at each inner state; edges that stay where they are, and what is heard in every state, are only in the tables. `at once` needs no event; of several edges with the same event the first whose guard holds is taken.',
    ...OPENING,
    ...CHARTS.flatMap(([title, about, machine]) => chart(title, about, machine)),
  ]);
}

function chart(title: string, about: string, machine: AnyStateMachine): string[] {
  const states = allStates(machine.root);
  return [
    `## ${title}`,
    about,
    ['```mermaid', mermaid(machine), '```'].join('\n'),
    `### States of the ${machine.id}`,
    table(
      ['state', 'means', 'on entry', 'on exit'],
      states.map((state) => [
        code(placeOf(state)),
        state.description ?? '',
        effects(state.entry),
        effects(state.exit.filter(isNamed)),
      ]),
    ),
    `### Edges of the ${machine.id}`,
    table(
      ['in', 'on', 'if', 'goes to', 'and does'],
      [machine.root, ...states].flatMap((state) => edgesFrom(state).map((edge) => rowOf(state, edge))),
    ),
  ];
}

function rowOf(state: AnyStateNode, edge: Edge): string[] {
  const to = (edge.target ?? []).map((target) => code(placeOf(target))).join(', ');
  const nothing = to === '' && edge.actions.length === 0;
  return [
    code(placeOf(state)) || 'any state',
    code(triggerOf(edge)),
    code(guardOf(edge)),
    to || 'stays',
    nothing ? 'nothing: the state around it does not hear it' : effects(edge.actions),
  ];
}

function placeOf(state: AnyStateNode): string {
  return state.path.join('.');
}

function effects(actions: readonly unknown[]): string {
  return actions.filter(isNamed).map(effectText).map(code).join(', ');
}

/** XState's own timers of `after` are among a state's actions and have no name. */
function isNamed(action: unknown): boolean {
  return typeof action === 'string' || (typeof action === 'object' && action !== null && 'type' in action);
}

/** `report(ready)`: the effect with its params, where they are plain data. */
function effectText(action: unknown): string {
  if (typeof action === 'string') return action;
  const { type, params } = action as { type: string; params?: unknown };
  if (typeof params !== 'object' || params === null) return type;
  return `${type}(${Object.values(params).join(', ')})`;
}

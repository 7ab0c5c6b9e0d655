import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { type Edge, edgesFrom, guardOf, innerStates } from './mermaid.js';

/** A value that JSON can hold. */
type Json = null | boolean | number | string | readonly Json[] | JsonObject;
interface JsonObject {
  readonly [key: string]: Json;
}

/**
 * The text of docs/machines/ID.json: a machine as the JSON that `createMachine` takes and the Stately editor imports. It has every state,
 * and every transition with its event or delay, guard, target, actions and their params. It is read from the machine, not from its
 * source: a transition that several states share stands at each of them. The context, and params that are computed from the event, are
 * functions and left out.
 */
export function machineJson(machine: AnyStateMachine): string {
  return `${JSON.stringify({ id: machine.id, ...stateJson(machine.root) }, null, 2)}\n`;
}

function stateJson(node: AnyStateNode): JsonObject {
  const states = innerStates(node);
  const edges = edgesFrom(node).filter(({ eventType }) => eventType !== '');
  return present({
    description: node.description,
    type: ['final', 'parallel', 'history'].includes(node.type) ? node.type : undefined,
    history: node.history || undefined,
    tags: list(node.tags),
    initial: node.type === 'compound' ? node.initial.target[0]?.key : undefined,
    invoke: list(node.invoke.map(({ src, id }) => ({ src: String(src), id }))),
    entry: list(node.entry.filter(isNamed).map(actionJson)),
    exit: list(node.exit.filter(isNamed).map(actionJson)),
    on: groups(edges.filter((edge) => delayOf(edge) === undefined).map((edge) => [edge.eventType, edge])),
    after: groups(edges.flatMap((edge) => pairOf(delayOf(edge), edge))),
    always: list((node.always ?? []).map(edgeJson)),
    states: states.length === 0 ? undefined : Object.fromEntries(states.map((state) => [state.key, stateJson(state)])),
  });
}

function edgeJson(edge: Edge): JsonObject {
  return present({
    guard: guardOf(edge) || undefined,
    target: edge.target?.map(({ machine, path }) => `#${[machine.id, ...path].join('.')}`).join(),
    reenter: edge.reenter || undefined,
    description: edge.description,
    actions: list(edge.actions.map(actionJson)),
  });
}

/** An action with its params where they are plain data. */
export function actionJson(action: unknown): JsonObject {
  if (typeof action === 'string') return { type: action };
  const { type, params } = action as { readonly type: string; readonly params?: JsonObject };
  return typeof params === 'object' ? { type, params } : { type };
}

/** XState's own timers of `after` are functions among the actions on entry and exit. */
export function isNamed(action: unknown): boolean {
  return typeof action !== 'function';
}

/** The delay of an edge of `after`. */
function delayOf({ eventType }: Edge): string | undefined {
  return /^xstate\.after\.([^.]+)\./.exec(eventType)?.[1];
}

function pairOf(delay: string | undefined, edge: Edge): [string, Edge][] {
  return delay === undefined ? [] : [[delay, edge]];
}

/** Edges by their event or delay, in the order in which they are tried. */
function groups(pairs: readonly (readonly [key: string, edge: Edge])[]): JsonObject | undefined {
  const grouped: Record<string, Json[]> = {};
  for (const [key, edge] of pairs) {
    grouped[key] ??= [];
    grouped[key].push(edgeJson(edge));
  }
  return pairs.length === 0 ? undefined : grouped;
}

function list(items: readonly Json[]): readonly Json[] | undefined {
  return items.length === 0 ? undefined : items;
}

function present(properties: Readonly<Record<string, Json | undefined>>): JsonObject {
  const given = Object.entries(properties).filter((property): property is [string, Json] => property[1] !== undefined);
  return Object.fromEntries(given);
}

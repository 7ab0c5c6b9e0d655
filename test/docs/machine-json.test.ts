import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type AnyStateMachine, type AnyStateNode, createMachine } from 'xstate';
import { actionJson, isNamed, machineJson } from '../../docs/machine-json.js';
import { CHARTS } from '../../docs/machines-page.js';
import { allStates, type Edge, edgesFrom, guardOf, triggerOf } from '../../docs/mermaid.js';
import * as exported from '../../src/machines/index.js';

const FOLDER = new URL('../../docs/machines/', import.meta.url);
const machines: readonly AnyStateMachine[] = Object.values(exported);

describe('docs/machines', () => {
  it('has the JSON of each chart that is exported, and no other', () => {
    expect(readdirSync(FOLDER).sort()).toEqual(machines.map(({ id }) => `${id}.json`).sort());
  });

  it('shows each chart that is exported on the page of the charts', () => {
    expect(new Set(CHARTS.map(([, , machine]) => machine.id))).toEqual(new Set(machines.map(({ id }) => id)));
  });
});

describe.each(machines.map((machine) => [machine.id, machine] as const))('docs/machines/%s.json', (id, machine) => {
  const text = readFileSync(new URL(`${id}.json`, FOLDER), 'utf8');
  const readBack = createMachine(JSON.parse(text)).provide(stubs(machine));

  it('equals the present chart (otherwise: npm run generate)', () => {
    expect(text).toBe(machineJson(machine));
  });

  it('has every state, with its entry and exit actions', () => {
    expect(statesOf(readBack)).toEqual(statesOf(machine));
  });

  it('has every transition of each state, in the order in which they are tried', () => {
    expect(transitionsOf(readBack)).toEqual(transitionsOf(machine));
    expect(transitionsOf(readBack).length).toBeGreaterThan(0);
  });

  it('needs no implementation that the chart has not', () => {
    expect(namesIn(readBack)).toEqual(namesIn(machine));
  });
});

function statesOf(machine: AnyStateMachine) {
  return [machine.root, ...allStates(machine.root)].map((node) => ({
    state: statePathOf(node),
    type: node.type,
    description: node.description,
    tags: node.tags,
    initial: node.initial?.target?.map(statePathOf),
    invoke: node.invoke.map(({ src, id }) => ({ src, id })),
    entry: node.entry.filter(isNamed).map(actionJson),
    exit: node.exit.filter(isNamed).map(actionJson),
  }));
}

function transitionsOf(machine: AnyStateMachine) {
  return [machine.root, ...allStates(machine.root)].flatMap((node) => edgesFrom(node).map((edge) => rowOf(node, edge)));
}

/** `trigger` is the event, the delay, or `at once`. */
function rowOf(node: AnyStateNode, edge: Edge) {
  return {
    from: statePathOf(node),
    trigger: triggerOf(edge),
    guard: guardOf(edge),
    targets: edge.target?.map(statePathOf),
    reenter: edge.reenter === true,
    actions: edge.actions.map(actionJson),
  };
}

/** The actions and guards that a chart names anywhere. */
function namesIn(machine: AnyStateMachine): string[] {
  const states = statesOf(machine).flatMap(({ entry, exit }) => [...entry, ...exit]);
  const transitions = transitionsOf(machine).flatMap(({ guard, actions }) => [{ type: guard }, ...actions]);
  return [...new Set([...states, ...transitions].map(({ type }) => String(type)))].sort();
}

function statePathOf(node: AnyStateNode): string {
  return node.path.join('.');
}

/** Implementations that do nothing, for everything that the chart provides. */
function stubs({ implementations }: AnyStateMachine) {
  const same = <T>(all: object, stub: T) => Object.fromEntries(Object.keys(all).map((name) => [name, stub]));
  return {
    actions: same(implementations.actions, () => {}),
    guards: same(implementations.guards, () => true),
    delays: same(implementations.delays, 1000),
  };
}

import { expect, it } from 'vitest';
import type { AnyStateMachine, EventObject } from 'xstate';
import { edgesOf } from './edges.js';
import { type Played, play, type Scenario } from './scenario.js';

/**
 * One test for each scenario, and one over all of them: that they take every edge of the machine, so that an edge nobody has a
 * story for fails. Every state is then passed through as well, because each is reached by an edge (charts.test.ts).
 */
export function describeScenarios<E extends EventObject, I>(
  machine: AnyStateMachine,
  scenarios: readonly Scenario<E, I>[],
): void {
  const played = new Map(scenarios.map((scenario) => [scenario, play(machine, scenario)]));

  for (const [scenario, { seen, context }] of played) {
    it(scenario.title, () => {
      expect(seen).toEqual(scenario.steps.map(({ state, effects }) => ({ state, effects })));
      expect(context).toMatchObject(scenario.context ?? {});
    });
  }

  it(`takes every edge of the ${machine.id} chart in these stories`, () => {
    const all = [...edgesOf(machine).values()];
    expect(all).toEqual([...new Set(all)]);
    expect(edgesOfAll(played.values()).sort()).toEqual(all.sort());
  });
}

function edgesOfAll(played: Iterable<Played>): string[] {
  return [...new Set([...played].flatMap(({ edges }) => [...edges]))];
}

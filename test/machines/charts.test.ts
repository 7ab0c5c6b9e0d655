import { describe, expect, it } from 'vitest';
import type { AnyStateMachine, EventObject } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import * as machines from '../../src/machines/index.js';
import * as words from './agent-words.js';
import { edgesOf, endsOf, statePathOf, statesOf } from './edges.js';

const charts: readonly (readonly [string, AnyStateMachine])[] = Object.entries(machines);

const HOOKS = { beforeStart: ['before'], afterEnd: ['after'], timeout: 5 };

/** What may happen to each, and from where to look. */
const TRIED: Readonly<
  Record<string, { readonly inputs: readonly unknown[]; readonly events: readonly EventObject[] }>
> = {
  agentMachine: {
    inputs: [{}, { leases: true, stop: { ...words.STAGES, closeInput: 5 }, hooks: HOOKS }].map(words.agent),
    events: [...Object.values<unknown>(words).filter(isEvent), words.exited({ code: 0 }), words.extend(10)],
  },
  supervisorMachine: {
    inputs: [{ id: 'web', path: 'root/web', strategy: 'one_for_one' }],
    events: [
      ...['BOOTING', 'RUNNING', 'STOPPING', 'FAILING', 'GONE'].map((type) => ({ type })),
      { type: 'FINISHED', end: { reason: { kind: 'shutdown' }, child: null, left: [] } } as EventObject,
      { type: 'FINISHED', end: { reason: { kind: 'abnormal', detail: 'it' }, child: 'a', left: [] } } as EventObject,
    ],
  },
  systemRootMachine: { inputs: [undefined], events: [] },
  transportMachine: {
    inputs: [{ endpoints: ['ipc:///a'], pubEndpoints: [] }],
    events: [
      { type: 'BOUND', endpoint: 'ipc:///a' } as EventObject,
      { type: 'FAILED', code: 'ENDPOINT_IN_USE' } as EventObject,
      ...['SERVE', 'DRAIN', 'CLOSE', 'RELEASED'].map((type) => ({ type })),
    ],
  },
  linkMachine: {
    inputs: [{ attempts: 1, backoff: { initial: 1, factor: 2, max: 9, jitter: 0, resetAfter: 1 } }],
    events: [
      { type: 'CONNECT' },
      { type: 'OPENED', at: 5 } as EventObject,
      { type: 'LOST', at: 6, random: 0.5 } as EventObject,
      { type: 'CLOSE' },
    ],
  },
};

describe.each(charts)('%s', (name, chart) => {
  it('has no state that cannot be reached', () => {
    const { inputs, events } = TRIED[name] ?? { inputs: [], events: [] };
    const reached = new Set(inputs.flatMap((input) => placesReached(chart, input, [...events, ...delaysOf(chart)])));
    expect(
      statesOf(chart)
        .map(statePathOf)
        .filter((place) => !reached.has(place) && !passing.has(place)),
    ).toEqual([]);
  });

  it('has no state without a way out, but for a host, which does nothing', () => {
    const stuck = statesOf(chart).filter(
      (state) => isAtomic(state) && state.type !== 'final' && !hasWayOut(chart, state),
    );
    expect(stuck.map(statePathOf)).toEqual(name === 'systemRootMachine' ? ['active'] : []);
  });

  it('is plain data, so that it can be imported into an editor', () => {
    const plain = JSON.parse(JSON.stringify(chart.config, withoutData)) as unknown;
    expect(plain).toEqual(withoutFunctions(chart.config));
    expect(functionsIn(chart.config).filter((path) => !/\.(params|context)$/.test(path))).toEqual([]);
  });

  it('uses every word of its setup, and no other', () => {
    const { actions, guards, delays, actors } = chart.implementations;
    const named = { action: actions, guard: guards, delay: delays };
    for (const [kind, known] of Object.entries(named)) {
      expect(wordsUsed(chart, kind as Kind), `${kind}s of ${name}`).toEqual(Object.keys(known).sort());
    }
    expect(Object.keys(actors)).toEqual([]);
  });

  it('has a whole sentence as the description of each state', () => {
    const bare = statesOf(chart).filter(({ description }) => !/^[A-Z].*\.$/s.test(description ?? ''));
    expect(bare.map(statePathOf)).toEqual([]);
  });
});

/** States that are left in the step that enters them: no snapshot shows them, the stories do. */
const passing = new Set(['spawning.deciding', 'stopping.deciding', 'stopping.ended', 'settling']);

function isEvent(word: unknown): word is EventObject {
  return typeof word === 'object' && word !== null && 'type' in word;
}

/** Every delay of a chart as the event that XState makes of it. */
function delaysOf(chart: AnyStateMachine): EventObject[] {
  return statesOf(chart).flatMap((state) => state.after.map(({ eventType }) => ({ type: eventType })));
}

/** Every state that some order of the events leads through. What changes the way counts as part of the state. */
function placesReached(chart: AnyStateMachine, input: unknown, events: readonly EventObject[]): string[] {
  const paths = getShortestPaths(chart, {
    input,
    events: [...events],
    limit: 100_000,
    serializeState: ({ value, context }) => {
      const { heading, health, failures, drained, overdue, extension } = context as Record<string, unknown>;
      return JSON.stringify([value, heading, health, failures, drained, overdue, Number(extension) > 0]);
    },
  });
  return paths.flatMap(({ state }) => state._nodes.map(statePathOf));
}

function isAtomic(state: { states: object }): boolean {
  return Object.keys(state.states).length === 0;
}

/** Whether an edge of the state, or of one around it, leads somewhere else. */
function hasWayOut(chart: AnyStateMachine, state: ReturnType<typeof statesOf>[number]): boolean {
  return [...edgesOf(chart).keys()].map(endsOf).some(({ from, to }) => {
    const ofItsOwn = from === state || statePathOf(state).startsWith(`${statePathOf(from)}.`);
    return ofItsOwn && to.some((target) => target !== state);
  });
}

type Kind = 'action' | 'guard' | 'delay';

/** The names that a config uses: of actions on entry, exit and edges, of guards, of the keys of `after`. */
function wordsUsed(chart: AnyStateMachine, kind: Kind): string[] {
  const found = new Set<string>();
  const enter = (value: unknown, key: string): void => {
    if (kind === 'delay' && key === 'after') for (const delay of Object.keys(value as object)) found.add(delay);
    const names = [value].flat().map((word) => (isEvent(word) ? word.type : word));
    if (KEYS[kind].has(key)) for (const name of names) if (typeof name === 'string') found.add(name);
    if (typeof value !== 'object' || value === null) return;
    for (const [inner, item] of Object.entries(value)) enter(item, Array.isArray(value) ? key : inner);
  };
  enter(chart.config, '');
  return [...found].sort();
}

const KEYS: Readonly<Record<Kind, ReadonlySet<string>>> = {
  action: new Set(['entry', 'exit', 'actions']),
  guard: new Set(['guard']),
  delay: new Set(),
};

function withoutData(_: string, value: unknown): unknown {
  return typeof value === 'function' ? undefined : value;
}

/** The same value without its functions; anything else that JSON cannot say stays and so differs. */
function withoutFunctions(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutFunctions);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, item]) => typeof item !== 'function');
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutFunctions(item)]));
}

function functionsIn(value: unknown, path = ''): string[] {
  if (typeof value === 'function') return [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => functionsIn(item, `${path}.${key}`));
}

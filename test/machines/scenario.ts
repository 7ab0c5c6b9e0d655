import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  assign,
  createActor,
  type EventObject,
  type InspectionEvent,
  SimulatedClock,
} from 'xstate';
import { edgesOf, edgesTaken } from './edges.js';

/** What happens to an actor: an event, an event made for the living actor, or so many milliseconds. */
export type Happening<E extends EventObject> = E | ((actor: Actor) => E) | number;

/** One thing that happens, the state it leads to (keys with dots) and exactly the effects it causes, in order. */
export interface Step<E extends EventObject> {
  readonly happening: Happening<E>;
  readonly state: string;
  readonly effects: readonly string[];
}

/** A story of one actor from its creation on. */
export interface Scenario<E extends EventObject, I> {
  readonly title: string;
  readonly input: I;
  readonly steps: readonly Step<E>[];
  /** What the context says at the end, as far as it is named here. */
  readonly context?: Readonly<Record<string, unknown>>;
}

/** What came of a scenario: what was seen in the shape of its steps, and the edges that were taken. */
export interface Played {
  readonly seen: readonly { readonly state: string; readonly effects: readonly string[] }[];
  /** For each step, the effects that follow from a rule, which stories leave out. */
  readonly ruled: readonly (readonly string[])[];
  readonly context: Readonly<Record<string, unknown>>;
  readonly edges: ReadonlySet<string>;
}

export type Actor = ReturnType<typeof createActor<AnyStateMachine>>;

/** Plays a scenario on a real actor under a clock that stands still between the steps. Effects are written down, never done. */
export function play<E extends EventObject, I>(machine: AnyStateMachine, scenario: Scenario<E, I>): Played {
  const written: string[] = [];
  const edges = new Set<string>();
  const { actor, clock } = begin(machine, scenario.input, written, edges);
  const ruled: string[][] = [];
  const seen = scenario.steps.map(({ happening }) => {
    written.length = 0;
    if (typeof happening === 'number') clock.increment(happening);
    else actor.send(typeof happening === 'function' ? happening(actor) : happening);
    ruled.push(written.filter(isRuled));
    return { state: placeIn(actor.getSnapshot()), effects: written.filter((effect) => !isRuled(effect)) };
  });
  const { context } = actor.getSnapshot();
  actor.stop();
  return { seen, ruled, context, edges };
}

/** An inspector that notes the edges that are taken. */
function edgesInto(edges: Set<string>, machine: AnyStateMachine): (event: InspectionEvent) => void {
  const names = edgesOf(machine);
  return (event) => {
    for (const edge of edgesTaken(event, names)) edges.add(edge);
  };
}

/** Effects that follow from the states alone; a rule says when (agent-rules.ts). */
function isRuled(effect: string): boolean {
  return /^(reportSubstate\(|(un)?watch(Resources|Liveness)$)/.test(effect);
}

/** An actor of the machine whose effects only write their names: `ask(true)` for an effect with the param `true`. */
export function begin(machine: AnyStateMachine, input: unknown, written: string[], edges?: Set<string>) {
  const actions = Object.fromEntries(
    effectNames(machine).map((name) => [name, (_: unknown, params: unknown) => written.push(callOf(name, params))]),
  );
  const clock = new SimulatedClock();
  const noteEntry = assign(() => ({ since: clock.now() }));
  const recording = machine.provide({ actions: 'noteEntry' in actions ? { ...actions, noteEntry } : actions });
  const actor = createActor(recording, { clock, input, ...(edges && { inspect: edgesInto(edges, recording) }) });
  actor.start();
  return { actor, clock };
}

/** The effects of a machine: the actions of its setup that are not XState's own, such as `assign`. */
export function effectNames(machine: AnyStateMachine): string[] {
  const actions: Readonly<Record<string, unknown>> = machine.implementations.actions;
  return Object.keys(actions).filter((name) => !('type' in (actions[name] as object)));
}

/** The one active state of a machine without parallel states, keys with dots. */
export function placeIn(snapshot: AnyMachineSnapshot): string {
  const words: string[] = [];
  let value: unknown = snapshot.value;
  while (typeof value === 'object' && value !== null) {
    const [word, inner] = Object.entries(value)[0] as [string, unknown];
    words.push(word);
    value = inner;
  }
  return [...words, String(value)].join('.');
}

function callOf(name: string, params: unknown): string {
  if (typeof params !== 'object' || params === null) return name;
  const { type, ...rest } = params as Record<string, unknown>;
  const words = Object.values(rest).map((word) => (word instanceof Error ? word.message : wordOf(word)));
  return `${name}(${[type, ...words].filter((word) => word !== undefined).join(', ')})`;
}

/** A fact within an effect goes by its type, a reason by its kind. */
function wordOf(word: unknown): unknown {
  if (typeof word !== 'object' || word === null) return word;
  if ('type' in word) return word.type;
  return 'kind' in word ? word.kind : word;
}

import { type AnyActorRef, type AnyStateMachine, createActor, type Snapshot, type StateValue } from 'xstate';
import type { World } from '../world.js';

/** The most actors in one XState system: in a larger one, stopping an actor costs a walk over all of them. */
export const SYSTEM_SIZE = 250;

/** Keeps the agents of one supervisor in XState systems of bounded size. XState's `parent` option is used only here. */
export interface Systems {
  /** Creates and starts an actor in its first state. */
  spawn(machine: AnyStateMachine, id: string, first: FirstState): AnyActorRef;
  /** Stops an actor that `spawn` made and frees its place. */
  dismiss(ref: AnyActorRef): void;
  /** Stops all roots, and with them every remaining actor. */
  close(): void;
}

/** The state in which an actor starts; no entry actions are executed. */
export interface FirstState {
  readonly value: StateValue;
  readonly context: object;
}

/**
 * The options of an actor that starts in a state as if it was restored there. Agents and supervisors are created by effects of the supervisor above; in
 * an effect, XState's development build, which vitest and bundlers load, takes a chart's own `context` function for an assign() in an action and warns.
 */
export function startingIn({ value, context }: FirstState): { snapshot: Snapshot<unknown> } {
  const restored = { value, context, children: {}, historyValue: {} };
  return { snapshot: { status: 'active', output: undefined, error: undefined, ...restored } };
}

/** One XState system: its root, and the number of its actors. */
interface System {
  readonly root: AnyActorRef;
  count: number;
}

/** `first` is the supervisor's own actor: the root of the first system. Roots must accept `DISMISS`. */
export function createSystems(world: World, path: string, first: AnyActorRef): Systems {
  const systems: System[] = [{ root: first, count: 1 }];
  const places = new Map<AnyActorRef, System>();

  const withRoom = (): System => {
    const last = systems[systems.length - 1] as System;
    if (last.count < SYSTEM_SIZE) return last;
    const free = systems.find(({ count }) => count < SYSTEM_SIZE) ?? newSystem(world, path, systems.length);
    if (!systems.includes(free)) systems.push(free);
    return free;
  };

  return {
    spawn(machine, id, first) {
      const system = withRoom();
      const ref = createActor(machine, { id, ...startingIn(first), ...{ parent: system.root } });
      system.count++;
      places.set(ref, system);
      ref.start();
      return ref;
    },
    dismiss(ref) {
      const system = places.get(ref);
      if (system === undefined) return;
      system.count--;
      places.delete(ref);
      system.root.send({ type: 'DISMISS', ref });
    },
    close() {
      for (const { root } of systems.splice(0).reverse()) root.stop();
    },
  };
}

function newSystem(world: World, path: string, number: number): System {
  const ref = createActor(world.logics.systemRoot, rootOptions(world, `${path}/system-${number}`));
  return { root: startRoot(world, path, ref), count: 1 };
}

/** The options of every root actor of a tree. */
export function rootOptions(world: World, id: string) {
  return { id, clock: world.steps.clock, ...(world.inspect === undefined ? {} : { inspect: world.inspect }) };
}

/** Starts a root with an error observer: without one its errors would end the program. */
export function startRoot<
  R extends AnyActorRef & { subscribe(observer: { error: (error: unknown) => void }): unknown },
>(world: World, path: string, ref: R): R {
  ref.subscribe({ error: (error) => world.reportError(path, error) });
  ref.start();
  return ref;
}

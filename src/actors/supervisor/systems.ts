import { type AnyActorRef, type AnyStateMachine, createActor, type Snapshot } from 'xstate';
import type { World } from '../world.js';

/** The most actors in one XState system: beyond that, stopping one costs a walk over all. */
export const SYSTEM_SIZE = 250;

/** Keeps the agents of one supervisor in XState systems of bounded size. All use of XState's `parent` option is here. */
export interface Systems {
  /** Creates and starts an actor in its first state. */
  spawn(machine: AnyStateMachine, id: string, first: FirstState): AnyActorRef;
  /** Stops an actor that `spawn` made and gives its place to another. */
  dismiss(ref: AnyActorRef): void;
  /** Stops the roots, the first one included, and with them every actor that is left. */
  close(): void;
}

/** The state in which an actor starts; nothing is entered on the way there. */
export interface FirstState {
  readonly value: string;
  readonly context: object;
}

/**
 * The options of an actor that starts in a state as if it was restored there. Agents and supervisors are created by effects of the supervisor
 * above, and there XState's development build, which vitest and bundlers load, takes a chart's own `context` function for an assign() in an
 * action and warns.
 */
export function startingIn({ value, context }: FirstState): { snapshot: Snapshot<unknown> } {
  const restored = { value, context, children: {}, historyValue: {} };
  return { snapshot: { status: 'active', output: undefined, error: undefined, ...restored } };
}

/** One XState system: its root, and how many actors it has. */
interface System {
  readonly root: AnyActorRef;
  count: number;
}

/** `first` is the supervisor's own actor: the root of the first system. Roots must take `DISMISS`. */
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

/** Starts a root with an error observer: without one its errors would end the whole program. */
export function startRoot<
  R extends AnyActorRef & { subscribe(observer: { error: (error: unknown) => void }): unknown },
>(world: World, path: string, ref: R): R {
  ref.subscribe({ error: (error) => world.complain(path, error) });
  ref.start();
  return ref;
}

import { type ActorOptions, type AnyActorLogic, type AnyActorRef, createActor } from 'xstate';
import type { World } from '../world.js';

/** The most actors in one XState system: beyond that, stopping one costs a walk over all. */
export const SYSTEM_SIZE = 250;

/** Keeps the agents of one supervisor in XState systems of bounded size. All use of XState's `parent` option is here. */
export interface Systems {
  /** Creates and starts an actor. */
  spawn<L extends AnyActorLogic>(logic: L, options: ActorOptions<L>): AnyActorRef;
  /** Stops an actor that `spawn` made and gives its place to another. */
  dismiss(ref: AnyActorRef): void;
  /** Stops the roots, the first one included, and with them every actor that is left. */
  close(): void;
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
    spawn(logic, options) {
      const system = withRoom();
      const ref = createActor(logic, { ...options, parent: system.root } as typeof options);
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

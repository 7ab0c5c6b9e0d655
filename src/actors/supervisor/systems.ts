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

interface Host {
  readonly ref: AnyActorRef;
  count: number;
}

/** `first` is the supervisor's own actor: the root of the first system. Roots must take `DISMISS`. */
export function createSystems(world: World, path: string, first: AnyActorRef): Systems {
  const hosts: Host[] = [{ ref: first, count: 1 }];
  const places = new Map<AnyActorRef, Host>();

  const roomy = (): Host => {
    const last = hosts[hosts.length - 1] as Host;
    if (last.count < SYSTEM_SIZE) return last;
    const free = hosts.find((host) => host.count < SYSTEM_SIZE) ?? newHost(world, path, hosts.length);
    if (!hosts.includes(free)) hosts.push(free);
    return free;
  };

  return {
    spawn(logic, options) {
      const host = roomy();
      const ref = createActor(logic, { ...options, parent: host.ref } as typeof options);
      host.count++;
      places.set(ref, host);
      ref.start();
      return ref;
    },
    dismiss(ref) {
      const host = places.get(ref);
      if (host === undefined) return;
      host.count--;
      places.delete(ref);
      host.ref.send({ type: 'DISMISS', ref });
    },
    close() {
      for (const { ref } of hosts.splice(0).reverse()) ref.stop();
    },
  };
}

function newHost(world: World, path: string, number: number): Host {
  const ref = createActor(world.logics.host, rootOptions(world, `${path}/host-${number}`));
  return { ref: startRoot(world, path, ref), count: 1 };
}

/** The options of every root actor of a tree. */
export function rootOptions(world: World, id: string) {
  return { id, clock: world.clock, ...(world.inspect === undefined ? {} : { inspect: world.inspect }) };
}

/** Starts a root with an error observer: without one its errors would end the whole program. */
export function startRoot<
  R extends AnyActorRef & { subscribe(observer: { error: (error: unknown) => void }): unknown },
>(world: World, path: string, ref: R): R {
  ref.subscribe({ error: (error) => world.complain(path, error) });
  ref.start();
  return ref;
}

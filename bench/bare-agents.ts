import { type ActorRefFrom, type AnyActorRef, createActor } from 'xstate';
import { agentMachine, systemRootMachine } from './subject.js';

/*
 * The floor of agents in this process: actors of the same chart in systems of the same size, driven by hand with the same events.
 * No supervisor, no body, no records, nothing is told to anybody.
 */

type Agent = ActorRefFrom<typeof agentMachine>;

const nothing = (): void => {};
/** The effects of the chart: its actions that are not XState's own, such as `assign`. */
const effects = Object.entries(agentMachine.implementations.actions).filter(
  ([, action]) => !('type' in Object(action)),
);
/** The chart whose effects do nothing. */
const bareMachine = agentMachine.provide({ actions: Object.fromEntries(effects.map(([name]) => [name, nothing])) });

const SYSTEM_SIZE = 250;

const stop = { brutal: false, signal: 'SIGTERM', message: null, ask: 10_000, insist: 5_000, kill: 5_000, drain: 1_000 };
const settings = {
  leases: false,
  readyAtOnce: true,
  readyTimeout: Number.POSITIVE_INFINITY,
  maxRuntime: Number.POSITIVE_INFINITY,
  successCodes: [0],
  stop,
};

export interface BareAgent {
  readonly ref: Agent;
  readonly host: AnyActorRef;
}

/** `count` actors, all in their state `running`. */
export function bareAgents(count: number): BareAgent[] {
  const agents: BareAgent[] = [];
  let host = createActor(systemRootMachine).start();
  for (let n = 0; n < count; n++) {
    if (n % SYSTEM_SIZE === SYSTEM_SIZE - 1) host = createActor(systemRootMachine).start();
    const id = `a${n}`;
    const options = { id, parent: host, input: { id, path: `root/${id}`, settings, incarnation: 0 } };
    const ref = createActor(bareMachine, options as { id: string; input: typeof options.input }).start();
    bareStart(ref, 1);
    agents.push({ ref, host });
  }
  return agents;
}

/** From rest to `running`. */
export function bareStart(ref: Agent, incarnation: number): void {
  ref.send({ type: 'START', incarnation, at: 1, now: 1 });
  ref.send({ type: 'SPAWNED', incarnation, pid: null, at: 2 });
}

/** From `running` to `stopped`. */
export function bareEnd(ref: Agent, incarnation: number): void {
  ref.send({ type: 'STOP', cause: 'shutdown', brutal: false });
  const end = { code: 0, signal: null, detail: '', oom: false, empty: true, drained: true, at: 3 };
  ref.send({ type: 'EXITED', incarnation, ...end });
}

/** Stops them and takes them out of their systems. */
export function bareStop(agents: readonly BareAgent[]): void {
  for (const { ref, host } of agents) {
    bareEnd(ref, 1);
    host.send({ type: 'DISMISS', ref });
  }
}

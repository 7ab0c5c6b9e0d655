import { type AnyActorRef, assign, setup, stopChild } from 'xstate';
import type { DecidedStatus, End } from '../model/fact.js';
import { isClean } from '../model/reason.js';
import { effect } from './effects.js';

/*
 * The visible lifecycle of a supervisor or pool. Its engine, which gets every fact about the children and makes all decisions, decides the status too;
 * the chart draws the status, and is the only place where it is read. It does not list the children, so that inspecting it costs the same with ten
 * children as with ten thousand.
 */

export interface SupervisorMachineInput {
  readonly id: string;
  readonly path: string;
  readonly strategy: string;
}

export interface SupervisorContext extends SupervisorMachineInput {
  /** Its last end; `null` before that. */
  readonly end: End | null;
}

export type SupervisorEvent =
  /** The status that the engine has decided. */
  | { readonly type: Uppercase<DecidedStatus> }
  | { readonly type: 'FINISHED'; readonly end: End }
  | { readonly type: 'GONE' }
  /** An agent of its system was removed: its actor is stopped. */
  | { readonly type: 'DISMISS'; readonly ref: AnyActorRef }
  | { readonly type: `xstate.error.actor.${string}`; readonly error: unknown };

/** The context before the first start. */
export function initialContext(input: SupervisorMachineInput): SupervisorContext {
  return { ...input, end: null };
}

/** The state before the first start: `idle`, or that of an end from before the program was started again. */
export function restingState(input: SupervisorMachineInput, end: End | null) {
  const value = end === null ? 'idle' : isClean(end.reason) ? 'stopped' : 'failed';
  return { value, context: { ...initialContext(input), end } };
}

const FINISHED = [
  { guard: 'isClean', target: 'stopped', actions: 'noteEnd' },
  { target: 'failed', actions: 'noteEnd' },
] as const;

const finish = { type: 'finish', params: ({ context }: { context: SupervisorContext }) => context.end as End } as const;

export const supervisorMachine = setup({
  types: {
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    input: {} as SupervisorMachineInput,
  },
  actions: {
    noteEnd: assign(({ event }) => (event.type === 'FINISHED' ? { end: event.end } : {})),
    noteGone: assign(({ context }) => ({ end: context.end && { ...context.end, left: [] } })),
    /** Reports the status. */
    announce: effect('announce'),
    /** Notifies the parent that it has booted; for the root, resolves `start` of the tree. */
    ready: effect('ready'),
    /** Cancels the planned restarts of agents. */
    cancelRetries: effect('cancelRetries'),
    /** Notifies the parent that it has ended, or that zombies are left below it. */
    finish: effect<End>('finish'),
    /** Reports an error of a child's actor. The effects of actors catch their errors, so this must not happen. */
    reportError: effect<{ error: unknown }>('reportError'),
    dismiss: stopChild(({ event }) => (event as Extract<SupervisorEvent, { type: 'DISMISS' }>).ref),
  },
  guards: {
    isClean: ({ event }) => event.type === 'FINISHED' && isClean(event.end.reason),
  },
}).createMachine({
  id: 'supervisor',
  context: ({ input }) => initialContext(input),
  initial: 'idle',
  on: {
    DISMISS: { actions: 'dismiss' },
    'xstate.error.actor.*': { actions: { type: 'reportError', params: ({ event }) => ({ error: event.error }) } },
  },
  states: {
    idle: {
      description: 'Not started.',
      on: { BOOTING: 'booting' },
    },
    booting: {
      description: 'Its children start in order, each ready before the next.',
      entry: 'announce',
      on: { RUNNING: 'running', STOPPING: 'stopping', FAILING: 'failing' },
    },
    running: {
      description: 'Every child has had its first start; ends are handled by strategy, restart type and budget.',
      entry: ['announce', 'ready'],
      on: { STOPPING: 'stopping', FAILING: 'failing' },
    },
    stopping: {
      description: 'It is being stopped, or shuts down by itself: children end in reverse order, nothing starts.',
      entry: ['announce', 'cancelRetries'],
      on: { FINISHED },
    },
    failing: {
      description: 'It exceeded its budget or could not boot: children end in reverse order, nothing starts.',
      entry: ['announce', 'cancelRetries'],
      on: { FINISHED },
    },
    stopped: {
      description: 'It ended without a failure; zombies may be left below it. A start begins again from its spec.',
      entry: ['announce', finish],
      on: { GONE: { actions: ['noteGone', finish] }, BOOTING: 'booting' },
    },
    failed: {
      description:
        'It exceeded its budget, or a child failed to start during the boot; zombies may be left below it. A start begins again from its spec.',
      entry: ['announce', finish],
      on: { GONE: { actions: ['noteGone', finish] }, BOOTING: 'booting' },
    },
  },
});

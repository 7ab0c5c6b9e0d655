import { type AnyActorRef, assign, setup, stopChild } from 'xstate';
import type { DecidedStatus, End } from '../model/fact.js';
import { isClean } from '../model/reason.js';
import { effect } from './effects.js';

/*
 * The visible lifecycle of a supervisor or pool. Its engine, which hears every fact about the children and makes all decisions, decides the
 * status too; the chart draws it, and is the one place where it is read. It never lists the children, so that watching it costs the same
 * with ten of them as with ten thousand.
 */

export interface SupervisorMachineInput {
  readonly id: string;
  readonly path: string;
  readonly strategy: string;
}

export interface SupervisorContext extends SupervisorMachineInput {
  /** How it ended last; `null` before that. */
  readonly end: End | null;
}

export type SupervisorEvent =
  /** What the engine has decided. */
  | { readonly type: Uppercase<DecidedStatus> }
  | { readonly type: 'FINISHED'; readonly end: End }
  | { readonly type: 'GONE' }
  /** An agent's actor of its system is no longer wanted. */
  | { readonly type: 'DISMISS'; readonly ref: AnyActorRef }
  | { readonly type: `xstate.error.actor.${string}`; readonly error: unknown };

/** The context before the first start. */
export function initialContext(input: SupervisorMachineInput): SupervisorContext {
  return { ...input, end: null };
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
    /** Tells the parent, or whoever waits for the root, that it has booted. */
    ready: effect('ready'),
    /** Tells agents that wait for their next try that none comes. */
    cancelRetries: effect('cancelRetries'),
    /** Tells the parent that it has ended, or that zombies are left below it. */
    finish: effect<End>('finish'),
    /** A child's actor broke; nothing of ours may let that happen. */
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
      description: 'Its children start left to right, each ready before the next.',
      entry: 'announce',
      on: { RUNNING: 'running', STOPPING: 'stopping', FAILING: 'failing' },
    },
    running: {
      description: 'Every child had its turn to start; ends are answered by strategy, restart type and budget.',
      entry: ['announce', 'ready'],
      on: { STOPPING: 'stopping', FAILING: 'failing' },
    },
    stopping: {
      description: 'It was told to stop, or shuts itself down: children end in reverse order, nothing starts.',
      entry: ['announce', 'cancelRetries'],
      on: { FINISHED },
    },
    failing: {
      description: 'It gave up or could not boot: children end in reverse order, nothing starts.',
      entry: ['announce', 'cancelRetries'],
      on: { FINISHED },
    },
    stopped: {
      description: 'It ended as it should, though zombies may be left below it. A start begins anew from its spec.',
      entry: ['announce', finish],
      on: { GONE: { actions: ['noteGone', finish] }, BOOTING: 'booting' },
    },
    failed: {
      description:
        'It gave up, or a child failed to start while it booted; zombies may be left below it. A start begins anew from its spec.',
      entry: ['announce', finish],
      on: { GONE: { actions: ['noteGone', finish] }, BOOTING: 'booting' },
    },
  },
});

import { type AnyActorRef, assign, setup, stopChild } from 'xstate';
import type { Fact } from '../model/fact.js';
import { describeReason, isClean, type Reason } from '../model/reason.js';
import { effect } from './effects.js';

/*
 * The visible lifecycle of a supervisor or pool. Every fact about its children goes through it to the engine (`decide`), which keeps
 * the children and makes all decisions; the chart shows where the whole stands. It never lists its children, so that watching it
 * costs the same with ten children as with ten thousand.
 */

export interface SupervisorMachineInput {
  readonly id: string;
  readonly path: string;
  readonly strategy: string;
}

export interface SupervisorContext extends SupervisorMachineInput {
  readonly reason: string;
  /** The end it is heading for is not a failure. */
  readonly clean: boolean;
}

export type SupervisorEvent =
  | { readonly type: 'BOOT' }
  | { readonly type: 'HALT'; readonly brutal: boolean }
  | { readonly type: 'FACT'; readonly fact: Fact }
  /** What the engine says of itself. */
  | { readonly type: 'BOOTED' }
  | { readonly type: 'HALTING'; readonly failing: boolean }
  | { readonly type: 'FINISHED'; readonly reason: Reason }
  /** An agent's actor of its system is no longer wanted. */
  | { readonly type: 'DISMISS'; readonly ref: AnyActorRef }
  | { readonly type: `xstate.error.actor.${string}`; readonly error: unknown };

/** What a supervisor knows before its first start. */
export function initialContext(input: SupervisorMachineInput): SupervisorContext {
  return { ...input, reason: '', clean: true };
}

const FACT = { actions: { type: 'decide', params: ({ event }: { event: SupervisorEvent }) => event } } as const;

export const supervisorMachine = setup({
  types: {
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    input: {} as SupervisorMachineInput,
  },
  actions: {
    noteFinish: assign(({ event }) =>
      event.type === 'FINISHED' ? { reason: describeReason(event.reason), clean: isClean(event.reason) } : {},
    ),
    decide: effect<SupervisorEvent>('decide'),
    boot: effect('boot'),
    halt: effect<{ brutal: boolean }>('halt'),
    announce: effect<{ status: 'stopped' | 'failed' }>('announce'),
    /** Tells the parent, or whoever waits for the root. */
    finish: effect('finish'),
    ready: effect('ready'),
    /** A child's actor broke; nothing of ours may let that happen. */
    complain: effect<{ error: unknown }>('complain'),
    dismiss: stopChild(({ event }) => (event as Extract<SupervisorEvent, { type: 'DISMISS' }>).ref),
  },
  guards: {
    isFailing: ({ event }) => event.type === 'HALTING' && event.failing,
    endsClean: ({ context }) => context.clean,
  },
}).createMachine({
  id: 'supervisor',
  context: ({ input }) => initialContext(input),
  initial: 'idle',
  on: {
    DISMISS: { actions: 'dismiss' },
    'xstate.error.actor.*': { actions: { type: 'complain', params: ({ event }) => ({ error: event.error }) } },
  },
  states: {
    idle: {
      description: 'Not started.',
      on: { BOOT: 'booting' },
    },
    booting: {
      description: 'Its children start left to right, each ready before the next.',
      entry: 'boot',
      on: {
        FACT,
        BOOTED: { target: 'running', actions: 'ready' },
        HALT: { actions: { type: 'halt', params: ({ event }) => ({ brutal: event.brutal }) } },
        HALTING: [{ guard: 'isFailing', target: 'failing' }, { target: 'stopping' }],
      },
    },
    running: {
      description: 'Every child had its turn to start; ends are answered by strategy, restart type and budget.',
      on: {
        FACT,
        HALT: { actions: { type: 'halt', params: ({ event }) => ({ brutal: event.brutal }) } },
        HALTING: [{ guard: 'isFailing', target: 'failing' }, { target: 'stopping' }],
      },
    },
    stopping: {
      description: 'It was told to stop, or shuts itself down: children end in reverse order, nothing starts.',
      on: {
        FACT,
        HALT: { actions: { type: 'halt', params: ({ event }) => ({ brutal: event.brutal }) } },
        FINISHED: { target: 'ending', actions: 'noteFinish' },
      },
    },
    failing: {
      description: 'It gave up or could not boot: children end in reverse order, nothing starts.',
      on: {
        FACT,
        HALT: { actions: { type: 'halt', params: ({ event }) => ({ brutal: event.brutal }) } },
        FINISHED: { target: 'ending', actions: 'noteFinish' },
      },
    },
    ending: {
      description: 'All children are down: it is stopped or failed, at once.',
      always: [{ guard: 'endsClean', target: 'stopped' }, { target: 'failed' }],
    },
    stopped: {
      description: 'It ended as it should. A start begins anew from its spec.',
      entry: [{ type: 'announce', params: { status: 'stopped' } }, 'finish'],
      on: { FACT, BOOT: 'booting' },
    },
    failed: {
      description: 'It gave up, or a child failed to start while it booted. A start begins anew from its spec.',
      entry: [{ type: 'announce', params: { status: 'failed' } }, 'finish'],
      on: { FACT, BOOT: 'booting' },
    },
  },
});

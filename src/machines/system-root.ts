import { type AnyActorRef, setup, stopChild } from 'xstate';
import { effect } from './effects.js';

/*
 * The root of a further XState system of a supervisor with many agents; its only purpose is to be their parent. The cost of a system is quadratic in its
 * actors, so a supervisor spreads its agents over systems of bounded size.
 */

export type SystemRootEvent =
  | { readonly type: 'DISMISS'; readonly ref: AnyActorRef }
  | { readonly type: `xstate.error.actor.${string}`; readonly error: unknown };

export const systemRootMachine = setup({
  types: { events: {} as SystemRootEvent },
  actions: {
    reportError: effect<{ error: unknown }>('reportError'),
    dismiss: stopChild(({ event }) => (event as Extract<SystemRootEvent, { type: 'DISMISS' }>).ref),
  },
}).createMachine({
  id: 'system-root',
  initial: 'active',
  on: {
    DISMISS: { actions: 'dismiss' },
    'xstate.error.actor.*': { actions: { type: 'reportError', params: ({ event }) => ({ error: event.error }) } },
  },
  states: {
    active: { description: 'It is the parent of its agents.' },
  },
});

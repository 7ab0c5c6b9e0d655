import { type AnyActorRef, setup, stopChild } from 'xstate';
import { effect } from './effects.js';

/*
 * The root of one more system of a supervisor with many agents: it does nothing but be their parent. A flat system is quadratic in
 * its actors, so a supervisor spreads its agents over systems of bounded size.
 */

export type SystemRootEvent =
  | { readonly type: 'DISMISS'; readonly ref: AnyActorRef }
  | { readonly type: `xstate.error.actor.${string}`; readonly error: unknown };

export const systemRootMachine = setup({
  types: { events: {} as SystemRootEvent },
  actions: {
    complain: effect<{ error: unknown }>('complain'),
    dismiss: stopChild(({ event }) => (event as Extract<SystemRootEvent, { type: 'DISMISS' }>).ref),
  },
}).createMachine({
  id: 'system-root',
  initial: 'active',
  on: {
    DISMISS: { actions: 'dismiss' },
    'xstate.error.actor.*': { actions: { type: 'complain', params: ({ event }) => ({ error: event.error }) } },
  },
  states: {
    active: { description: 'Its agents live in its system.' },
  },
});

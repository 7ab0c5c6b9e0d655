import { type AnyActorRef, setup, stopChild } from 'xstate';

/*
 * The root of one more system of a supervisor with many agents: it does nothing but be their parent. A flat system is quadratic in
 * its actors, so a supervisor spreads its agents over systems of bounded size.
 */

export type HostEvent =
  | { readonly type: 'DISMISS'; readonly ref: AnyActorRef }
  | { readonly type: `xstate.error.actor.${string}`; readonly error: unknown };

export const hostMachine = setup({
  types: { events: {} as HostEvent },
  actions: {
    complain: (_, _params: { error: unknown }) => {},
    dismiss: stopChild(({ event }) => (event as Extract<HostEvent, { type: 'DISMISS' }>).ref),
  },
}).createMachine({
  id: 'host',
  initial: 'hosting',
  on: {
    DISMISS: { actions: 'dismiss' },
    'xstate.error.actor.*': { actions: { type: 'complain', params: ({ event }) => ({ error: event.error }) } },
  },
  states: {
    hosting: { description: 'Its agents live in its system.' },
  },
});

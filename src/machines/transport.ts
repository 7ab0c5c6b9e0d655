import { assign, setup } from 'xstate';
import { effect } from './effects.js';

/*
 * The door of a server: the sockets that requests come to and reports go out from. It has all its endpoints or none. Requests themselves
 * never pass through it: they would cost too much here.
 */

export interface TransportInput {
  /** Where requests come to, in the order in which they are bound. */
  readonly endpoints: readonly string[];
  /** Where reports are published, bound after these. */
  readonly pubEndpoints: readonly string[];
}

export interface TransportContext extends TransportInput {
  /** The endpoints as they are bound, wildcard ports replaced. */
  readonly bound: readonly string[];
  /** The code of the error that an endpoint could not be bound for; `null` without one. */
  readonly problem: string | null;
}

export type TransportEvent =
  /** The next endpoint is bound. */
  | { readonly type: 'BOUND'; readonly endpoint: string }
  /** The next endpoint could not be bound, or there is no tree to serve. */
  | { readonly type: 'FAILED'; readonly code: string }
  /** There is a tree to answer from. */
  | { readonly type: 'SERVE' }
  /** The tree was told to stop. */
  | { readonly type: 'DRAIN' }
  /** The tree is down. */
  | { readonly type: 'CLOSE' }
  /** All sockets are closed. */
  | { readonly type: 'RELEASED' };

export const transportMachine = setup({
  types: {
    context: {} as TransportContext,
    events: {} as TransportEvent,
    input: {} as TransportInput,
  },
  actions: {
    noteBound: assign(({ context, event }) =>
      event.type === 'BOUND' ? { bound: [...context.bound, event.endpoint] } : {},
    ),
    noteProblem: assign(({ event }) => (event.type === 'FAILED' ? { problem: event.code } : {})),

    /** Binds the first endpoint that is not bound; ends in BOUND or FAILED. */
    bind: effect('bind'),
    /** Every endpoint is bound: a tree may be made for them. */
    ready: effect('ready'),
    /** Answers the requests that waited, and from now on each as it comes. */
    admit: effect('admit'),
    /** Closes all sockets, after what can be sent at once; ends in RELEASED. */
    release: effect('release'),
    /** Nothing is bound any more. */
    finish: effect('finish'),
  },
  guards: {
    isLast: ({ context }) => context.bound.length + 1 >= context.endpoints.length + context.pubEndpoints.length,
  },
}).createMachine({
  id: 'transport',
  context: ({ input }) => ({ ...input, bound: [], problem: null }),
  initial: 'binding',
  states: {
    binding: {
      description: 'Endpoints are bound one after another; requests that come meanwhile wait.',
      initial: 'next',
      on: { FAILED: { target: 'closed', actions: 'noteProblem' }, CLOSE: 'closed' },
      states: {
        next: {
          description: 'An endpoint is being bound.',
          entry: 'bind',
          on: {
            BOUND: [
              { guard: 'isLast', target: 'bound', actions: 'noteBound' },
              { target: 'next', reenter: true, actions: 'noteBound' },
            ],
          },
        },
        bound: {
          description: 'Every endpoint is bound; the tree is being made.',
          entry: 'ready',
          on: { SERVE: '#transport.serving' },
        },
      },
    },
    serving: {
      description: 'Requests are answered, reports are published.',
      entry: 'admit',
      on: { DRAIN: 'draining', CLOSE: 'closed' },
    },
    draining: {
      description: 'The tree is being stopped: requests are answered until it is down.',
      on: { CLOSE: 'closed' },
    },
    closed: {
      description: 'No request is answered any more.',
      initial: 'releasing',
      states: {
        releasing: {
          description: 'The sockets are being closed, after what can be sent at once.',
          entry: 'release',
          on: { RELEASED: 'released' },
        },
        released: {
          description: 'Nothing listens at its endpoints any more.',
          type: 'final',
          entry: 'finish',
        },
      },
    },
  },
});

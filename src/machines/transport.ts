import { assign, setup } from 'xstate';
import { effect } from './effects.js';

/*
 * The transport of a server: the sockets that receive requests and publish reports. Either all its endpoints are bound or none. Requests are not events
 * of this chart: that would cost too much.
 */

export interface TransportInput {
  /** The endpoints for requests, in the order of binding. */
  readonly endpoints: readonly string[];
  /** The endpoints that reports are published at, bound after these. */
  readonly pubEndpoints: readonly string[];
}

export interface TransportContext extends TransportInput {
  /** The bound endpoints, with port 0 replaced by the real port. */
  readonly bound: readonly string[];
  /** The code of the error of an endpoint that could not be bound; `null` without one. */
  readonly problem: string | null;
}

export type TransportEvent =
  /** The next endpoint was bound. */
  | { readonly type: 'BOUND'; readonly endpoint: string }
  /** The next endpoint could not be bound, or there is no tree to serve. */
  | { readonly type: 'FAILED'; readonly code: string }
  /** There is a tree to serve. */
  | { readonly type: 'SERVE' }
  /** The tree is being stopped. */
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
    /** Every endpoint is bound: the tree can be made. */
    ready: effect('ready'),
    /** Answers the waiting requests, and further ones at once. */
    admit: effect('admit'),
    /** Closes all sockets, after sending what their peers take at once; ends in RELEASED. */
    release: effect('release'),
    /** All sockets are closed. */
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
      description: 'Endpoints are bound one after another; requests that arrive meanwhile wait.',
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
          description: 'The sockets are being closed, after sending what their peers take at once.',
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

import { assign, setup } from 'xstate';
import { backoffDelay, nextStreak } from '../model/restart.js';
import type { Backoff } from '../model/spec.js';
import { effect } from './effects.js';

/*
 * The connection of a client to one server. It is connected when the server has answered, not when bytes could be sent. After a loss
 * it tries again, later each time; a connection that keeps breaking soon after it was made does not begin anew with short delays.
 */

export interface LinkInput {
  /** How many tries in a row may fail before it gives up; Infinity for never. */
  readonly attempts: number;
  readonly backoff: Backoff;
}

export interface LinkContext extends LinkInput {
  /** Tries that failed since it was connected. */
  readonly failed: number;
  /** Losses in a row, for the delay. */
  readonly streak: number;
  /** The delay before the next try, in ms. */
  readonly delay: number;
  /** Monotonic ms; `null` while it is not connected. */
  readonly connectedAt: number | null;
  /** How often it was connected again. */
  readonly reconnections: number;
}

export type LinkEvent =
  | { readonly type: 'CONNECT' }
  /** The server has answered. */
  | { readonly type: 'OPENED'; readonly at: number }
  /** A try failed, or the connection is gone. `random` in [0, 1) is for the jitter. */
  | { readonly type: 'LOST'; readonly at: number; readonly random: number }
  | { readonly type: 'CLOSE' };

const LOST = [
  { guard: 'mayTryAgain', target: '#link.reconnecting.waiting', actions: 'noteLost' },
  { target: '#link.failed', actions: 'noteLost' },
] as const;

export const linkMachine = setup({
  types: {
    context: {} as LinkContext,
    events: {} as LinkEvent,
    input: {} as LinkInput,
  },
  actions: {
    noteOpened: assign(({ event }) => (event.type === 'OPENED' ? { connectedAt: event.at, failed: 0 } : {})),
    noteAgain: assign(({ context }) => ({ reconnections: context.reconnections + 1 })),
    noteLost: assign(({ context, event }) => {
      if (event.type !== 'LOST') return {};
      const lasted = context.connectedAt === null ? 0 : event.at - context.connectedAt;
      const streak = nextStreak(context.streak, lasted, context.backoff);
      const delay = backoffDelay(context.backoff, streak, event.random);
      return { streak, delay, failed: context.failed + 1, connectedAt: null };
    }),
    noteFresh: assign({ failed: 0, streak: 0 }),
    noteClosed: assign({ connectedAt: null }),

    /** Begins a try; ends in OPENED or LOST. */
    open: effect('open'),
    /** Closes the socket, if there is one. */
    drop: effect('drop'),
    /** Requests may go out. */
    admit: effect('admit'),
    /** Requests in flight have lost their connection. */
    strand: effect('strand'),
    /** Fails the requests that wait: none of them will be sent. */
    giveUp: effect('giveUp'),
  },
  guards: {
    mayTryAgain: ({ context }) => context.failed < context.attempts,
  },
  delays: {
    backoff: ({ context }) => context.delay,
  },
}).createMachine({
  id: 'link',
  context: ({ input }) => ({ ...input, failed: 0, streak: 0, delay: 0, connectedAt: null, reconnections: 0 }),
  initial: 'disconnected',
  on: { CLOSE: { target: '.disconnected', actions: ['drop', 'noteClosed', 'giveUp'] } },
  states: {
    disconnected: {
      description: 'Not connected, and not trying to be.',
      on: { CONNECT: 'connecting' },
    },
    connecting: {
      description: 'The first try: the server has not answered yet.',
      entry: 'open',
      on: { OPENED: { target: 'connected', actions: 'noteOpened' }, LOST },
    },
    connected: {
      description: 'The server has answered; requests go out as they come.',
      entry: 'admit',
      exit: 'strand',
      on: { LOST },
    },
    reconnecting: {
      description: 'The connection was lost, or could not be made; requests wait within bounds.',
      initial: 'waiting',
      states: {
        waiting: {
          description: 'The next try comes after a delay that doubles from one to the next.',
          entry: 'drop',
          after: { backoff: 'trying' },
          on: { CONNECT: 'trying' },
        },
        trying: {
          description: 'Another try: the server has not answered yet.',
          entry: 'open',
          on: { OPENED: { target: '#link.connected', actions: ['noteOpened', 'noteAgain'] }, LOST },
        },
      },
    },
    failed: {
      description: 'So many tries in a row failed that it has given up, until it is told to connect again.',
      entry: ['drop', 'giveUp'],
      on: { CONNECT: { target: 'connecting', actions: 'noteFresh' } },
    },
  },
});

import { assign, setup } from 'xstate';
import { backoffDelay, nextStreak } from '../model/restart.js';
import type { Backoff } from '../model/spec.js';
import { effect } from './effects.js';

/*
 * The connection of a client to one server. It is `connected` once the server has answered, not when bytes can be sent. After a loss it reconnects with
 * growing delays; a connection that breaks soon after it was made does not reset them.
 */

export interface LinkInput {
  /** How many attempts in a row may fail before it gives up; Infinity for any number. */
  readonly attempts: number;
  readonly backoff: Backoff;
}

export interface LinkContext extends LinkInput {
  /** Failed attempts since the last connection. */
  readonly failed: number;
  /** Losses in a row, for the backoff. */
  readonly streak: number;
  /** The delay before the next attempt, in ms. */
  readonly delay: number;
  /** Monotonic ms; `null` while it is not connected. */
  readonly connectedAt: number | null;
  /** The number of reconnections. */
  readonly reconnections: number;
}

export type LinkEvent =
  | { readonly type: 'CONNECT' }
  /** The server has answered. */
  | { readonly type: 'OPENED'; readonly at: number }
  /** An attempt failed, or the connection is gone. `random` in [0, 1) is for the jitter. */
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

    /** Starts an attempt; ends in OPENED or LOST. */
    open: effect('open'),
    /** Closes the socket, if there is one. */
    drop: effect('drop'),
    /** Requests may be sent. */
    admit: effect('admit'),
    /** The connection of the requests in flight is lost. */
    strand: effect('strand'),
    /** Rejects the queued requests. */
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
      description: 'Not connected, and not connecting.',
      on: { CONNECT: 'connecting' },
    },
    connecting: {
      description: 'The first attempt: the server has not answered yet.',
      entry: 'open',
      on: { OPENED: { target: 'connected', actions: 'noteOpened' }, LOST },
    },
    connected: {
      description: 'The server has answered; requests are sent at once.',
      entry: 'admit',
      exit: 'strand',
      on: { LOST },
    },
    reconnecting: {
      description: 'The connection was lost, or could not be made; requests are queued, up to a limit.',
      initial: 'waiting',
      states: {
        waiting: {
          description: 'The next attempt comes after a delay that doubles each time.',
          entry: 'drop',
          after: { backoff: 'trying' },
          on: { CONNECT: 'trying' },
        },
        trying: {
          description: 'Another attempt: the server has not answered yet.',
          entry: 'open',
          on: { OPENED: { target: '#link.connected', actions: ['noteOpened', 'noteAgain'] }, LOST },
        },
      },
    },
    failed: {
      description: 'It has given up after too many failed attempts in a row, until it is asked to connect again.',
      entry: ['drop', 'giveUp'],
      on: { CONNECT: { target: 'connecting', actions: 'noteFresh' } },
    },
  },
});

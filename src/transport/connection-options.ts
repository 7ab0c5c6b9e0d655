import { STALLED_FOR } from './send-window.js';

/** A connection that has not finished its handshake by then is closed, in ms. */
const HANDSHAKE_WITHIN = 5_000;

/** What the kernel may hold for one peer, in bytes: without it, up to some megabytes. */
const SEND_BUFFER = 256 * 1024;

/** The options of every socket that peers connect to. They concern connections alone. */
export const CONNECTION_OPTIONS = {
  handshakeInterval: HANDSHAKE_WITHIN,
  sendBufferSize: SEND_BUFFER,
  // A peer whose machine is gone is found out by the kernel; heartbeats of ZMTP are errors to a known client.
  tcpKeepalive: 1,
  tcpKeepaliveIdle: 60,
  tcpMaxRetransmitTimeout: STALLED_FOR,
} as const;

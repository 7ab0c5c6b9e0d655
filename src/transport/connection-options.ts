import { STALLED_FOR } from './send-window.js';

/** A connection that has not finished its handshake after so long is closed, in ms. */
const HANDSHAKE_WITHIN = 5_000;

/** The kernel's send buffer for one peer, in bytes; its default grows to some megabytes. */
const SEND_BUFFER = 256 * 1024;

/** The connection options of every socket that peers connect to. */
export const CONNECTION_OPTIONS = {
  handshakeInterval: HANDSHAKE_WITHIN,
  sendBufferSize: SEND_BUFFER,
  // TCP keepalive detects a peer whose machine is gone; ZMTP heartbeats are errors to a known client.
  tcpKeepalive: 1,
  tcpKeepaliveIdle: 60,
  tcpMaxRetransmitTimeout: STALLED_FOR,
} as const;

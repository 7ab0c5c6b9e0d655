import type { Router, XPublisher } from 'zeromq';
import { type Clock, systemClock } from '../contract/clock.js';
import type { Domain, OnRefusedConnection } from './zap.js';

/** The first `most` failed handshakes within `span` ms are reported one by one; of further ones only their number is. */
export const HANDSHAKE_REPORTS = { most: 10, span: 10_000 };

/**
 * Reports connections that fail before there is a key to judge: the peer shows none, or expects another server key. libzmq names neither their address
 * nor a key. Any peer can cause any number of them, so the reports are bounded. Each connection costs three events and no message; the listeners end
 * with the socket.
 */
export class Handshakes {
  readonly #domain: Domain;
  readonly #onRefused: OnRefusedConnection;
  readonly #clock: Clock;
  #reported = 0;
  #omitted = 0;
  #span: unknown;

  constructor(domain: Domain, onRefused: OnRefusedConnection, clock: Clock = systemClock) {
    this.#domain = domain;
    this.#onRefused = onRefused;
    this.#clock = clock;
  }

  /** Must be called before the socket is bound. */
  watch(socket: Router | XPublisher): void {
    const { events } = socket;
    // A connection that is refused for its key is reported by the ZAP handler: see `openGate`.
    events.on('handshake:error:protocol', ({ error }) => this.failed(REASONS[error.code] ?? `it sent ${error.code}`));
    events.on('handshake:error:other', ({ error }) => this.failed(`it left before it had shown a key (${error.code})`));
    // The endpoint is closed: no more connections can fail.
    events.on('close', () => this.#end());
  }

  failed(reason: string): void {
    this.#span ??= this.#clock.setTimeout(() => this.#end(), HANDSHAKE_REPORTS.span);
    if (this.#reported++ < HANDSHAKE_REPORTS.most) this.#report(reason);
    else this.#omitted++;
  }

  #end(): void {
    this.#clock.clearTimeout(this.#span);
    const omitted = this.#omitted;
    this.#span = undefined;
    this.#reported = 0;
    this.#omitted = 0;
    if (omitted > 0) this.#report(`${omitted} more without a known key`);
  }

  #report(reason: string): void {
    this.#onRefused({ domain: this.#domain, name: null, address: null, publicKey: null, reason });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ERR_ZMTP_MECHANISM_MISMATCH: 'it showed no key',
  ERR_ZMTP_CRYPTOGRAPHIC: 'it asked for another server key',
};

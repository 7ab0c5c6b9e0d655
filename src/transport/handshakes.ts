import type { Router, XPublisher } from 'zeromq';
import { type Clock, systemClock } from '../contract/clock.js';
import type { Domain, Turned } from './zap.js';

/** Of so many failed handshakes in `span` ms each is told of; of the others only how many there were. */
export const HANDSHAKES_TOLD = { most: 10, span: 10_000 };

/**
 * Tells of connections that fail before there is a key to judge: whoever shows none, or takes this for another server. libzmq names neither
 * their address nor a key. Anybody can make as many as it likes, so what is told of them is bounded. Each connection costs three events and a
 * message none; they end with the socket.
 */
export class Handshakes {
  readonly #domain: Domain;
  readonly #turned: Turned;
  readonly #clock: Clock;
  #told = 0;
  #untold = 0;
  #span: unknown;

  constructor(domain: Domain, turned: Turned, clock: Clock = systemClock) {
    this.#domain = domain;
    this.#turned = turned;
    this.#clock = clock;
  }

  /** Begins with the socket, before it is bound. */
  watch(socket: Router | XPublisher): void {
    const { events } = socket;
    // What is refused for its key was told by the one who refused it: see `openGate`.
    events.on('handshake:error:protocol', ({ error }) => this.failed(REASONS[error.code] ?? `it sent ${error.code}`));
    events.on('handshake:error:other', ({ error }) => this.failed(`it left before it had shown a key (${error.code})`));
    // It has let go of its endpoint: nobody fails there any more.
    events.on('close', () => this.#end());
  }

  failed(reason: string): void {
    this.#span ??= this.#clock.setTimeout(() => this.#end(), HANDSHAKES_TOLD.span);
    if (this.#told++ < HANDSHAKES_TOLD.most) this.#tell(reason);
    else this.#untold++;
  }

  #end(): void {
    this.#clock.clearTimeout(this.#span);
    const untold = this.#untold;
    this.#span = undefined;
    this.#told = 0;
    this.#untold = 0;
    if (untold > 0) this.#tell(`${untold} more without a known key`);
  }

  #tell(reason: string): void {
    this.#turned({ domain: this.#domain, name: null, address: null, publicKey: null, reason });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ERR_ZMTP_MECHANISM_MISMATCH: 'it showed no key',
  ERR_ZMTP_CRYPTOGRAPHIC: 'it asked for another server key',
};

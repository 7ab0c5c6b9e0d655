import type { Client } from '../client/client.js';
import { asSupertreeError, type SupertreeError } from '../errors.js';
import { timeOfDay } from './format.js';
import type { Host } from './host.js';
import { orInterrupted, printLines } from './session.js';

/** In ms: the interval of the connection checks, and the interval and the timeout of the probes of a quiet server. */
const CHECK_PERIOD = 1_000;
const PROBE_PERIOD = 3_000;

/**
 * Does `work`, which follows the server, and meanwhile prints on standard error when the connection is lost or the server does not answer, and when it
 * is back. Rejects KEY_REFUSED when the server comes back with other keys: a retry cannot succeed.
 */
export async function whileLinked<T>(host: Host, client: Client, work: () => Promise<T>): Promise<T> {
  const refused = new AbortController();
  const watch = new LinkWatch(host, client, (reason) => refused.abort(reason));
  try {
    return await orInterrupted(work(), refused.signal);
  } finally {
    watch.close();
  }
}

class LinkWatch {
  readonly #host: Host;
  readonly #client: Client;
  readonly #refused: (reason: SupertreeError) => void;
  readonly #timer: NodeJS.Timeout;
  #reconnections: number;
  #isLost = false;
  /** True when a probe was not answered in time although the connection seems intact. */
  #isSilent = false;
  #isProbing = false;
  #probedAt = performance.now();

  constructor(host: Host, client: Client, refused: (reason: SupertreeError) => void) {
    this.#host = host;
    this.#client = client;
    this.#refused = refused;
    this.#reconnections = client.statistics.reconnections;
    this.#timer = setInterval(() => this.#check(), CHECK_PERIOD);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    const { servers, reconnections } = this.#client.statistics;
    // The connection may have been lost and restored between two checks.
    if (reconnections > this.#reconnections) {
      this.#report(true);
      this.#isSilent = false;
    }
    this.#reconnections = reconnections;
    // The command is being ended: what it has to write still waits for its reader.
    if (servers.every(({ state }) => state === 'disconnected')) return this.close();
    const isConnected = servers.every(({ state }) => state === 'connected');
    this.#report(this.#isSilent || !isConnected);
    if (this.#isProbing || (!this.#isLost && performance.now() - this.#probedAt < PROBE_PERIOD)) return;
    // Without a connection the client rejects after its own patience, with the reason.
    void this.#probe(isConnected ? PROBE_PERIOD : undefined);
  }

  #report(isLost: boolean): void {
    if (isLost === this.#isLost) return;
    this.#isLost = isLost;
    const text = isLost ? `Connection lost: ${this.#client.endpoint} is waited for.` : 'Connected again.';
    printLines(this.#host.err, [`${timeOfDay(this.#host.now())} ${text}`]);
  }

  async #probe(timeout: number | undefined): Promise<void> {
    this.#isProbing = true;
    this.#probedAt = performance.now();
    try {
      await this.#client.health({ timeout });
      this.#isSilent = false;
    } catch (thrown) {
      const error = asSupertreeError(thrown);
      this.#isSilent = error.code === 'TIMEOUT';
      if (error.code === 'KEY_REFUSED') this.#refused(error);
    } finally {
      this.#isProbing = false;
    }
  }
}

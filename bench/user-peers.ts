import { Packr, Unpackr } from 'msgpackr';
import type { Client } from 'supertree/client';
import { Dealer } from 'zeromq';

/** Who asks a server: `supertree/client`, or the floor's bare DEALER. Everything that comes is decoded. */
export interface Peer {
  list(): Promise<readonly { readonly path: string }[]>;
  status(agent: string): Promise<{ readonly path: string }>;
  close(): Promise<void>;
}

export function clientPeer(client: Client): Peer {
  return {
    list: () => client.agents(),
    status: (agent) => client.status(agent),
    close: () => client.close(),
  };
}

const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });

/** Asks by number and gives each answer to who asked. */
export class FloorPeer implements Peer {
  readonly #socket = new Dealer({ linger: 0, sendHighWaterMark: 0 });
  readonly #waiting = new Map<string, (data: never) => void>();
  #last: Promise<void> = Promise.resolve();
  #asked = 0;
  bytes = 0;

  constructor(endpoint: string) {
    this.#socket.connect(endpoint);
    void this.#receive();
  }

  list(): Promise<{ path: string }[]> {
    return this.#ask({});
  }

  status(agent: string): Promise<{ path: string }> {
    return this.#ask({ agent });
  }

  async close(): Promise<void> {
    this.#socket.close();
  }

  #ask<T>(params: object): Promise<T> {
    const request_id = String(++this.#asked);
    const bytes = packr.pack({ type: 'tree_request', request_id, ...params });
    this.#last = this.#last.then(() => this.#socket.send([EMPTY, bytes]));
    return new Promise((resolve) => this.#waiting.set(request_id, resolve));
  }

  async #receive(): Promise<void> {
    for await (const [, payload] of this.#socket) {
      this.bytes += (payload as Buffer).length;
      const { request_id, data } = unpackr.unpack(payload as Buffer) as { request_id: string; data: never };
      this.#waiting.get(request_id)?.(data);
      this.#waiting.delete(request_id);
    }
  }
}

const EMPTY = Buffer.alloc(0);

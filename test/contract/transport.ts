import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Limits } from '../../src/control/limits.js';
import { pack, unpack } from '../../src/protocol/codec.js';
import { MESSAGES, type MessageType } from '../../src/protocol/protocol.js';
import { strictDecode } from '../protocol/strict-decoder.js';
import { UUID } from '../protocol/vector.js';
import { VECTORS } from '../protocol/vectors.js';
import type { FakeTree } from '../transport/fake-tree.js';

type Document = Readonly<Record<string, unknown>>;

/** One client of a transport. */
export interface WirePeer {
  send(payload: Uint8Array): void;
  /** The next payload. Rejects when none comes. */
  receive(): Promise<Buffer>;
  close(): void;
}

/** A transport with a fake tree behind it. */
export interface Wire {
  readonly tree: FakeTree;
  /** Errors that no request reports. */
  readonly failures: readonly unknown[];
  connect(): WirePeer;
  /** Sends the frames from a REQ socket and resolves with the answer; `null` for a transport without sockets. */
  readonly asReq: ((...frames: Uint8Array[]) => Promise<Buffer[]>) | null;
  /** Calls `listener` with each frame; resolves when the subscription is active. */
  subscribe(topic: string, listener: (frame: Buffer) => void): Promise<void>;
  close(): Promise<void>;
}

export type MakeWire = (limits?: Partial<Limits>) => Promise<Wire>;

/** What a transport does beyond the core: `true`, or the reason why it does not. */
export interface TransportSupports {
  /** A peer may be a REQ socket, and a payload may be followed by frames that are ignored. */
  readonly sockets: true | string;
  /** `stream_logs` and `streams` name an endpoint to subscribe at. */
  readonly pubEndpoints: true | string;
}

/** Requests that succeed without a known agent. */
const DONE = new Set(['health_check_request', 'list_agents_request', 'spawn_request']);

/** The contract of a transport. Differences are declared in `supports`, each with its reason. */
export function transportContract(name: string, makeWire: MakeWire, supports: TransportSupports): void {
  describe(`the transport contract: ${name}`, () => {
    let wire: Wire;
    let peer: WirePeer;

    beforeEach(async () => {
      wire = await makeWire();
      peer = wire.connect();
    });
    afterEach(async () => {
      expect(wire.failures).toEqual([]);
      peer.close();
      await wire.close();
    });

    const next = async (from = peer): Promise<Document> => unpack(await from.receive()) as Document;
    const ask = (message: unknown, from = peer): Promise<Document> => {
      from.send(pack(message));
      return next(from);
    };
    const stop = (request_id: string, more: object = {}) => {
      const { uuid } = wire.tree.member('worker');
      return { type: 'control_command', request_id, agent_id: uuid, command_type: 'stop', ...more };
    };
    const hold = () => {
      let release = () => {};
      wire.tree.member('worker').hold = new Promise((resolve) => {
        release = resolve;
      });
      return release;
    };

    it('gives the array form and the map form of a request the same answer, with its request id', async () => {
      const inArray = await ask(['health_check_request', 'r1']);
      const inMap = await ask({ type: 'health_check_request', request_id: 'r1' });
      expect(inArray).toMatchObject({ type: 'health_check_response', request_id: 'r1', protocol_version: '1.0.0' });
      expect({ ...inMap, uptime_secs: 0 }).toEqual({ ...inArray, uptime_secs: 0 });
    });

    it('answers every message of the agent protocol validly for a strict decoder', async () => {
      for (const { hex, means } of VECTORS) {
        peer.send(Buffer.from(hex, 'hex'));
        const bytes = await peer.receive();
        const document = unpack(bytes) as Document;
        const { type, request_id, error } = document;
        if (MESSAGES[type as MessageType].index !== null) strictDecode(bytes);
        if (DONE.has(means.type)) expect(error ?? null, means.type).toBeNull();
        else expect(refusalIn(document), means.type).toEqual(expect.any(String));
        expect(request_id, means.type).toBe(means.request_id ?? '');
      }
    });

    it('answers 300 requests in flight, each once', async () => {
      const ids = Array.from({ length: 300 }, (_, index) => `r${index}`);
      for (const id of ids) peer.send(pack(['list_agents_request', id]));
      const seen: unknown[] = [];
      for (const _ of ids) seen.push((await next()).request_id);
      expect([...seen].sort()).toEqual([...ids].sort());
    });

    it('lets a quick answer overtake a slow one', async () => {
      const release = hold();
      peer.send(pack(stop('slow')));
      expect(await ask(['health_check_request', 'quick'])).toMatchObject({ request_id: 'quick' });
      release();
      expect(await next()).toMatchObject({ request_id: 'slow', success: true, status: 'terminated' });
    });

    it('answers an undecodable message with the reason, and with its request id if that can be read', async () => {
      peer.send(Buffer.from('c1', 'hex'));
      expect(await next()).toMatchObject({ type: 'error_response', request_id: '', code: 'MESSAGE_INVALID' });
      peer.send(pack(['control_command', 'r7', 'x'.repeat(50)]).subarray(0, 30));
      expect(await next()).toMatchObject({ type: 'command_response', request_id: 'r7', code: 'MESSAGE_INVALID' });
      expect(await ask({ type: 'fly', request_id: 'r8' })).toMatchObject({ request_id: 'r8', code: 'MESSAGE_TYPE' });
    });

    it('answers a message that is too large, and takes the next one', async () => {
      const large = { type: 'tree_request', request_id: 'r2', operation: 'x'.repeat(10_485_760) };
      expect(await ask(large)).toMatchObject({ request_id: 'r2', code: 'MESSAGE_TOO_LARGE' });
      expect(await ask(['health_check_request', 'r3'])).toMatchObject({ request_id: 'r3', healthy: true });
    });

    it('gives each peer its own answers, whatever ids they use', async () => {
      const other = wire.connect();
      const [web, worker] = ['web', 'worker'].map((id) => wire.tree.member(id).uuid);
      const status = (agent: unknown) => ['control_command', 'same', agent, 'get_status'];
      for (let n = 0; n < 20; n++) {
        peer.send(pack(status(web)));
        other.send(pack(status(worker)));
      }
      for (let n = 0; n < 20; n++) {
        expect(await next()).toMatchObject({ data: { path: 'root/web' } });
        expect(await next(other)).toMatchObject({ data: { path: 'root/worker' } });
      }
      other.close();
    });

    it('confirms the acceptance of a long request, then answers it', async () => {
      const release = hold();
      peer.send(pack(stop('long', { accepted: true })));
      expect(await next()).toEqual({ type: 'accepted', request_id: 'long' });
      release();
      expect(await next()).toMatchObject({ type: 'command_response', request_id: 'long', success: true });
    });

    it('carries out two requests with the same idempotency key once', async () => {
      const spawn = (request_id: string) => ({
        type: 'tree_request',
        request_id,
        operation: 'spawn',
        params: { spec: { id: 'new', command: ['true'] } },
        idempotency_key: 'k',
      });
      expect(await ask(spawn('a'))).toMatchObject({ request_id: 'a', success: true });
      expect(await ask(spawn('b'))).toMatchObject({ request_id: 'b', success: true, data: { path: 'root/new' } });
      expect(wire.tree.members.filter(({ path }) => path === 'root/new')).toHaveLength(1);
    });

    it('carries out the request of a peer that disconnects, and serves the others', async () => {
      const release = hold();
      const other = wire.connect();
      other.send(pack(stop('gone')));
      await expect.poll(() => wire.tree.member('worker').state).toBe('stopping');
      other.close();
      release();
      await expect.poll(() => wire.tree.member('worker').state).toBe('stopped');
      expect(await ask(['health_check_request', 'r'])).toMatchObject({ healthy: true });
    });

    it('refuses a peer with too many pending requests by naming the limit, and no other peer', async () => {
      const small = await makeWire({ inFlight: 4 });
      const [busyPeer, idlePeer] = [small.connect(), small.connect()];
      let release = () => {};
      small.tree.member('worker').hold = new Promise((resolve) => {
        release = resolve;
      });
      const { uuid } = small.tree.member('worker');
      for (let n = 0; n < 5; n++) busyPeer.send(pack(['control_command', `r${n}`, uuid, 'stop']));
      expect(await next(busyPeer)).toMatchObject({
        type: 'command_response',
        request_id: 'r4',
        code: 'TOO_MANY_REQUESTS',
        details: { limit: 'limits.in_flight', max: 4 },
      });
      expect(await ask(['health_check_request', 'm'], idlePeer)).toMatchObject({ healthy: true });
      release();
      for (let n = 0; n < 4; n++) expect(await next(busyPeer)).toMatchObject({ success: true });
      for (const each of [busyPeer, idlePeer]) each.close();
      await small.close();
    });

    it('publishes lines and states as one frame each, to the subscribers of the agent', async () => {
      const [web, worker] = ['web', 'worker'].map((id) => wire.tree.member(id));
      const frames: Buffer[] = [];
      await wire.subscribe(web?.uuid ?? '', (frame) => frames.push(frame));
      worker?.print('stdout', 'nobody asked\n');
      web?.print('stdout', Buffer.from([0x48, 0xc8, 0xff, 0x0a]));
      web?.print('stderr', 'second\n');
      web?.move('paused');
      await expect.poll(() => frames.length).toBe(3);
      const documents = frames.map((frame) => {
        expect(frame.subarray(0, 37).toString()).toBe(`${web?.uuid}\0`);
        return strictDecode(frame.subarray(37));
      });
      expect(documents).toMatchObject([
        { type: 'log_stream', stream_type: 'stdout', data: [0x48, 0xc8, 0xff, 0x0a], sequence: 0 },
        { type: 'log_stream', stream_type: 'stderr', sequence: 0 },
        { type: 'status_update', update_type: 'status_changed', status: 'paused' },
      ]);
    });

    it('numbers events without a gap, and a snapshot has the number of the last one', async () => {
      const events: Document[] = [];
      await wire.subscribe('events', (frame) => {
        const document = unpack(frame.subarray('events\0'.length)) as Document;
        if (document.type === 'event') events.push(document);
      });
      for (const state of ['paused', 'running', 'stopping', 'stopped'] as const) wire.tree.member('web').move(state);
      const snapshot = { type: 'tree_request', request_id: 's', operation: 'snapshot' };
      const { data } = (await ask(snapshot)) as { data: Document };
      await expect.poll(() => events.at(-1)?.seq).toBe(data.seq);
      const first = Number(events[0]?.seq);
      expect(events.map(({ seq }) => Number(seq))).toEqual(events.map((_, index) => first + index));
      expect(events.at(-1)).toMatchObject({ epoch: data.epoch, agent: { path: 'root/web', state: 'stopped' } });
    });

    const sockets = supports.sockets;
    it(`serves a REQ socket, and reads only its first frame${sockets === true ? '' : `: no, for ${sockets}`}`, async () => {
      expect(wire.asReq === null).toBe(sockets !== true);
      const frames = (await wire.asReq?.(pack(['health_check_request', 'q']), Buffer.from('and more'))) ?? [];
      const read = frames.map((frame) => (unpack(frame) as Document).request_id);
      expect(read).toEqual(sockets === true ? ['q'] : []);
    });

    const where = supports.pubEndpoints;
    it(`names the endpoint to subscribe at${where === true ? '' : `: no, for ${where}`}`, async () => {
      const reply = await ask(['control_command', 'r', wire.tree.member('web').uuid, 'stream_logs']);
      if (where !== true) expect(reply).toMatchObject({ success: false, code: 'UNSUPPORTED' });
      else expect(reply).toMatchObject({ success: true, data: { pub_endpoint: expect.stringMatching(/^(ipc|tcp):/) } });
    });

    it('distinguishes an unknown agent from an unknown command', async () => {
      expect(await ask(['control_command', 'r', UUID, 'stop'])).toMatchObject({ code: 'AGENT_NOT_FOUND' });
      expect(await ask(['control_command', 'r', UUID, 'fly'])).toMatchObject({ code: 'MESSAGE_INVALID' });
    });
  });
}

/** A batch has its refusals in its results. */
function refusalIn({ error, results }: Document): unknown {
  return error ?? (results as Document[] | undefined)?.[0]?.error;
}

import { randomBytes } from 'node:crypto';
import { Packr, Unpackr } from 'msgpackr';
import { Publisher, Router } from 'zeromq';
import type { Opened } from './wire-server.js';
import type { SideOrder } from './wire-side.js';
import { LINE, LINES_PER_TICK, TICK } from './wire-writer.js';

/*
 * The floor of the wire: a bare zeromq.js socket with msgpackr. It knows nothing, checks nothing and can do nothing else.
 */

const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });

interface Request {
  readonly type: string;
  readonly request_id: string;
}

/** Decodes each request and encodes an answer of the same content as ours. */
export async function openFloor({ keys, answers }: SideOrder): Promise<Opened> {
  const socket = new Router({ linger: 0, ...lockOptions(keys) });
  await socket.bind('tcp://127.0.0.1:*');
  void echo(socket, contentsOf(answers));
  return { endpoint: socket.lastEndpoint ?? '', pubEndpoint: '', close: async () => socket.close() };
}

async function echo(socket: Router, contents: ReadonlyMap<string, object>): Promise<void> {
  for await (const [peer, delimiter, payload] of socket) {
    const request = unpackr.unpack(payload as Buffer) as Request;
    const answer = { ...contents.get(request.type), request_id: request.request_id };
    await socket.send([peer as Buffer, delimiter as Buffer, packr.pack(answer)]);
  }
}

/** What our answers say. Throws when it would not be the same bytes. */
function contentsOf(answers: SideOrder['answers']): Map<string, object> {
  const contents = new Map<string, object>();
  for (const [type, hex] of Object.entries(answers)) {
    const bytes = Buffer.from(hex, 'hex');
    const content = unpackr.unpack(bytes) as object;
    if (!bytes.equals(packr.pack(content))) throw new Error(`the answer to ${type} is not encoded to the same bytes`);
    contents.set(type, content);
  }
  return contents;
}

function lockOptions(keys: SideOrder['keys']): object {
  return keys === null ? {} : { curveServer: true, curveSecretKey: keys.server.secretKey };
}

/** Publishes as many lines at the same times as our agents write. */
export async function openFloorPublisher({ agents }: SideOrder): Promise<Opened> {
  const socket = new Publisher({ linger: 0, sendTimeout: 0, sendHighWaterMark: 2000 });
  await socket.bind('tcp://127.0.0.1:*');
  const writers = Array.from({ length: agents }, () => writerOf(socket));
  const close = async () => {
    for (const writer of writers) clearInterval(writer);
    socket.close();
  };
  const endpoint = socket.lastEndpoint ?? '';
  return { endpoint, pubEndpoint: endpoint, close };
}

function writerOf(socket: Publisher): NodeJS.Timeout {
  const id = randomBytes(16);
  const topic = Buffer.from(`${id.toString('hex')}\0`);
  const data = [...Buffer.from(`${LINE}\n`)];
  let sequence = 0;
  return setInterval(() => {
    for (let n = 0; n < LINES_PER_TICK; n++) {
      const timestamp = [Math.floor(Date.now() / 1000), 0];
      const line = { type: 'log_stream', agent_id: id, stream_type: 'stdout', data, timestamp, sequence: sequence++ };
      void socket.send(Buffer.concat([topic, packr.pack(line)]));
    }
  }, TICK);
}

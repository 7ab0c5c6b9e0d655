// The agent protocol without a library: a REQ socket, and requests in array form written byte by byte.
// node examples/clients/raw-req.mjs ENDPOINT
import { unpack } from 'msgpackr';
import { Request } from 'zeromq';

/** A MessagePack string of at most 31 bytes: 0xa0 + its length, then its bytes. */
const str = (text) => Buffer.concat([Buffer.from([0xa0 + Buffer.byteLength(text)]), Buffer.from(text)]);

/** 16 bytes of a uuid: bin 8 (0xc4), the length, the bytes. */
const uuid = (bytes) => Buffer.concat([Buffer.from([0xc4, 16]), bytes]);

/** An array of at most 15 elements: 0x90 + their number, then each. The first one of a message is its type. */
const array = (...elements) => Buffer.concat([Buffer.from([0x90 + elements.length]), ...elements]);

const NIL = Buffer.from([0xc0]);

const socket = new Request({ linger: 0, receiveTimeout: 30_000 });
const endpoint = process.argv[2] ?? process.env.SUPERTREE_ENDPOINT;
if (endpoint === undefined) {
  console.error('Say where the server is: node examples/clients/raw-req.mjs ENDPOINT (`supertree health` tells it).');
  process.exit(2);
}
socket.connect(endpoint);

async function ask(...elements) {
  await socket.send(array(...elements));
  const [reply] = await socket.receive();
  return unpack(reply);
}

const health = await ask(str('health_check_request'), str('r1'));
console.log(`${health.request_id}: protocol ${health.protocol_version}, ${health.active_agents} agents`);

const { agents } = await ask(str('list_agents_request'), str('r2'), str('running'), Buffer.from([10]));
for (const { id, name, status } of agents) {
  console.log(`${name} is ${status}`);
  const answer = await ask(str('control_command'), str('r3'), uuid(id), str('get_status'), NIL);
  console.log(`${answer.request_id}: ${answer.data.path} says ${answer.data.status}`);
}

// Nonsense is answered as well: nobody waits in vain.
const { code } = await ask(str('fly'), str('r4'));
console.log(`r4: ${code}`);
socket.close();

/*
 * The requests of a day, one after another: `tsx test/soak/requests.ts [COUNT]`. Prints the server's memory at every tenth; ends with 1 when
 * an answer is missing or unexpected, or when memory kept growing.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Dealer } from 'zeromq';
import { pack, unpack } from '../../src/protocol/codec.js';

const count = Number(process.argv[2] ?? 10_000_000);

/** The number of requests in flight, and of those with a filter: a peer may have no more (FILTER_LIMIT). */
const WINDOW = { all: 200, filters: 16 };

/** How much more memory the last tenth may have than the fifth, in MiB: what an allocator keeps for itself, not a leak. */
const TOLERANCE = { rss: 48, heap: 8 };

/** Requests of every kind that changes nothing for good. Each idempotency key is used twice. */
function requestsAbout(uuid: Buffer): ((n: number) => object)[] {
  const command = { type: 'control_command', agent_id: uuid };
  const tree = { type: 'tree_request' };
  return [
    () => ({ ...command, command_type: 'get_status' }),
    () => ({ type: 'list_agents_request' }),
    () => ({ type: 'health_check_request' }),
    () => ({ ...command, command_type: 'write_stdin', payload: { data: 'line\n', encoding: 'utf8' } }),
    () => ({ ...command, command_type: 'read_stdout' }),
    () => ({ type: 'output_query_request', agent_id: uuid, stream: 'both', filter: '^li', limit: 5 }),
    () => ({ type: 'batch_control_command', agent_ids: [uuid, uuid], command_type: 'get_status' }),
    (n) => ({
      type: 'custom_action_request',
      agent_id: uuid,
      action: 'echo',
      idempotency_key: `k${Math.floor(n / 20)}`,
    }),
    () => ({ ...tree, operation: 'status', params: { agent: 'cat1' }, deadline: 60_000 }),
    () => ({ ...tree, operation: 'status', params: { agent: 'nobody' } }),
  ];
}

/** The indexes of the request with a filter, and of the one that must be refused. */
const [FILTER, REFUSED] = [5, 9];

interface Server {
  readonly process: ChildProcess;
  readonly socket: Dealer;
  memory(): Promise<Memory>;
}

interface Memory {
  readonly rss: number;
  readonly heap: number;
}

async function openServer(): Promise<Server> {
  const child = fork(new URL('./server.mjs', import.meta.url), { execArgv: ['--expose-gc'] });
  const [[endpoint]] = (await once(child, 'message')) as [[string]];
  const socket = new Dealer({ linger: 0, receiveTimeout: 60_000, sendHighWaterMark: 0 });
  socket.connect(endpoint);
  const memory = async () => {
    child.send('memory');
    const [[rss, heap]] = (await once(child, 'message')) as [[number, number, number]];
    return { rss, heap };
  };
  return { process: child, socket, memory };
}

/** Resolves with the number of unexpected answers, and prints the first. Rejects when an answer is missing. */
async function ask(
  socket: Dealer,
  requests: readonly ((n: number) => object)[],
  from: number,
  to: number,
): Promise<number> {
  const kindOf = (n: number) => n % requests.length;
  const waiting = { all: 0, filters: 0 };
  let wrong = 0;
  const receiveAnswer = async () => {
    const [, bytes] = await socket.receive();
    const answer = unpack(bytes as Buffer) as Record<string, unknown>;
    const kind = kindOf(Number(answer.request_id));
    waiting.all--;
    if (kind === FILTER) waiting.filters--;
    if ((answer.success ?? answer.healthy) !== (kind === REFUSED)) return;
    if (wrong++ === 0) console.error('unexpected answer:', answer);
  };
  for (let n = from; n < to; n++) {
    const make = requests[kindOf(n)] as (n: number) => object;
    while (kindOf(n) === FILTER && waiting.filters >= WINDOW.filters) await receiveAnswer();
    await socket.send(['', pack({ request_id: String(n), ...make(n) })]);
    waiting.all++;
    if (kindOf(n) === FILTER) waiting.filters++;
    if (waiting.all >= WINDOW.all) await receiveAnswer();
  }
  while (waiting.all > 0) await receiveAnswer();
  return wrong;
}

async function main(): Promise<number> {
  const server = await openServer();
  const began = performance.now();
  await server.socket.send(['', pack({ type: 'list_agents_request', request_id: 'first' })]);
  const [, list] = await server.socket.receive();
  const { agents } = unpack(list as Buffer) as { agents: { id: Buffer }[] };
  const requests = requestsAbout(agents[0]?.id as Buffer);
  const memories: Memory[] = [];
  let wrong = 0;
  for (let tenth = 0; tenth < 10; tenth++) {
    wrong += await ask(
      server.socket,
      requests,
      Math.round((count * tenth) / 10),
      Math.round((count * (tenth + 1)) / 10),
    );
    const memory = await server.memory();
    memories.push(memory);
    const seconds = Math.round((performance.now() - began) / 1000);
    console.log(`${tenth + 1}0 %: resident ${memory.rss} MiB, heap ${memory.heap} MiB, ${seconds} s, ${wrong} wrong`);
  }
  server.socket.close();
  const exit = once(server.process, 'exit');
  server.process.send('end');
  await exit;
  const [middle, end] = [memories[4] as Memory, memories[9] as Memory];
  const flat = end.rss - middle.rss < TOLERANCE.rss && end.heap - middle.heap < TOLERANCE.heap;
  console.log(wrong === 0 && flat ? 'passed' : `FAILED: ${wrong} wrong answers, memory ${flat ? 'flat' : 'grew'}`);
  return wrong === 0 && flat ? 0 : 1;
}

process.exitCode = await main();

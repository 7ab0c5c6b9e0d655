import { pack } from '../../src/protocol/codec.js';
import { OPERATIONS } from '../../src/protocol/operations.js';
import { AGENT_STATUSES, CONTROL_COMMANDS, MESSAGES, type MessageType } from '../../src/protocol/protocol.js';
import fc from '../fast-check.js';
import { UUID } from '../protocol/vector.js';
import { VECTORS } from '../protocol/vectors.js';

/** Numbers from 0 to below 1, the same ones for the same seed (mulberry32). */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * So many frames for a seed: a third are vectors of the agent protocol with up to four faults, a third are documents with the right
 * names and any values, a third are random bytes. `uuid` is that of an agent, so that some of them reach it.
 */
export function* frames(count: number, seed: number, uuid: string): Generator<Uint8Array> {
  const random = chance(seed);
  const vectors = VECTORS.map(({ hex }) => Buffer.from(hex.replaceAll(hexOf(UUID), hexOf(uuid)), 'hex'));
  const document = documentFor(uuid);
  let documents: Uint8Array[] = [];
  for (let n = 0; n < count; n++) {
    if (n % 3 === 0) yield mutated(vectors, random);
    else if (n % 3 === 1) yield noise(random);
    else {
      if (documents.length === 0) documents = fc.sample(document, { seed: seed + n, numRuns: BATCH });
      yield documents.pop() as Uint8Array;
    }
  }
}

const BATCH = 500;

const hexOf = (uuid: string) => uuid.replaceAll('-', '');

function mutated(vectors: readonly Buffer[], random: () => number): Uint8Array {
  const below = (limit: number) => Math.floor(random() * limit);
  const pick = () => vectors[below(vectors.length)] as Buffer;
  let bytes: Buffer = Buffer.from(pick());
  for (let faults = 1 + below(4); faults > 0; faults--) {
    const at = below(bytes.length + 1);
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
    const other = pick();
    const faulty = [
      () => Buffer.concat([head, Buffer.from([below(256)]), tail.subarray(1)]),
      () => Buffer.concat([head, Buffer.from([below(256)]), tail]),
      () => Buffer.concat([head, tail.subarray(1 + below(8))]),
      () => head,
      () => Buffer.concat([head, other.subarray(below(other.length))]),
      () => Buffer.concat([head, Buffer.alloc(below(100), 0x81 + below(32)), tail]),
    ];
    bytes = (faulty[below(faulty.length)] as () => Buffer)();
  }
  return bytes;
}

function noise(random: () => number): Uint8Array {
  return Uint8Array.from({ length: Math.floor(random() * 120) }, () => Math.floor(random() * 256));
}

const types = Object.keys(MESSAGES) as MessageType[];

function documentFor(uuid: string): fc.Arbitrary<Uint8Array> {
  const anything = anythingAbout(uuid);
  const fitting = fittingFor(uuid);
  return fc.constantFrom(...types).chain((type) => {
    const values = Object.entries(MESSAGES[type].fields).map(([name, { kind }]) => {
      const fits = fitting[name] ?? fitting[kind.name.replace('?', '')] ?? anything;
      return [name, fc.oneof({ weight: 15, arbitrary: fits }, { weight: 1, arbitrary: anything })] as const;
    });
    const inMap = fc.record(Object.fromEntries(values), { requiredKeys: values.slice(0, 4).map(([name]) => name) });
    const inArray = fc.tuple(...values.map(([, value]) => value));
    return fc.oneof(
      { weight: 6, arbitrary: inMap.map((fields) => pack({ type, ...fields })) },
      inArray.map((fields) => pack([type, ...fields.slice(0, 5)])),
    );
  });
}

/** Values that a server can take, by the name of the field or of its kind. */
function fittingFor(uuid: string): Readonly<Record<string, fc.Arbitrary<unknown>>> {
  const agent = fc.constantFrom('root/web', 'web', 'worker', uuid, 'nobody');
  const spec = fc.record({ id: fc.constantFrom('web', 'a', 'b', 'c'), command: fc.constant(['program']) });
  const path = fc.constantFrom('root', 'root/web', 'nowhere');
  const wait = fc.boolean();
  const id = fc.constantFrom('web', 'worker', 'a', 'b');
  const data = fc.constantFrom('aGkK', 'x', '');
  const params = fc.record({ agent, spec, path, wait, id, data }, { requiredKeys: ['agent', 'id'] });
  const action = fc.constantFrom('echo', 'ping', 'get_env', 'fly');
  const payload = fc.record(
    { data, action, signal: fc.constantFrom('term', 'int', 'usr1', 'x') },
    { requiredKeys: [] },
  );
  const about = fc.oneof({ weight: 3, arbitrary: fc.constant(uuid) }, fc.constant(UUID));
  return {
    params,
    payload,
    action,
    operation: fc.constantFrom(...Object.keys(OPERATIONS)),
    filter: fc.constantFrom('up', '^E', '(', '.*', null),
    idempotency_key: fc.constantFrom(null, 'k1', 'k2', 'k3'),
    deadline: fc.constantFrom(null, 0, 5_000),
    timeout_secs: fc.constantFrom(null, 1, 60),
    string: fc.string({ maxLength: 12 }),
    bool: fc.boolean(),
    u64: fc.nat(100),
    uuid: about,
    'uuid[]': fc.array(about, { maxLength: 5 }),
    value: fc.constantFrom<unknown>(null, 1, 'x'),
    ControlCommandType: fc.constantFrom(...CONTROL_COMMANDS),
    AgentStatus: fc.constantFrom(...AGENT_STATUSES),
    ZmqOutputStream: fc.constantFrom('stdout', 'stderr', 'both'),
    AgentConfig: fc.record({ name: id, model_backend: fc.constantFrom('sleep-cli', 'gpt'), task: data }),
  };
}

/** What a value could be that a field asks for, and much that none asks for. */
function anythingAbout(uuid: string): fc.Arbitrary<unknown> {
  const names = fc.constantFrom('data', 'signal', 'action', 'agent', 'id', 'command', 'x');
  return fc.oneof(
    fc.constantFrom<unknown>(null, true, false, '', uuid, Buffer.from(hexOf(uuid), 'hex'), 'r1', 'root/web'),
    fc.constantFrom<unknown>('stop', 'pause', 'write_stdin', 'stdout', 'both', 'running', 'logs', 'restart', 'ps'),
    fc.integer(),
    fc.double(),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.string({ maxLength: 20 }),
    fc.uint8Array({ maxLength: 20 }),
    fc.array(fc.constantFrom<unknown>(uuid, UUID, 1, 'x', null), { maxLength: 4 }),
    fc.dictionary(names, fc.constantFrom('root/web', 'x', 'term', 'echo')),
  );
}

import { type Node, readNode } from './strict-msgpack.js';

/*
 * A decoder with the rules of the original system's: serde over rmp-serde, with an internally tagged enum. It is written from the
 * tables of its wire format and shares nothing with src, so that what it accepts is what that system accepts.
 */

/** Reads a value of one type. Throws with the path. */
type Read = (node: Node, at: string) => unknown;

interface FieldRule {
  readonly read: Read;
  /** What stands for it when it is absent; `undefined` when it must not be. */
  readonly fallback: unknown;
}

type Table = Readonly<Record<string, FieldRule>>;

/** One message: its tag and its fields, `null` for None. Throws where the original refuses. */
export function strictDecode(bytes: Uint8Array): { type: string } & Record<string, unknown> {
  const node = readNode(bytes);
  const { tag, body } = untag(node);
  const table = MESSAGES[tag];
  if (table === undefined) throw new Error(`unknown variant '${tag}'`);
  return { type: tag, ...fieldsOf(table, body, tag) };
}

function untag(node: Node): { tag: string; body: Node } {
  if (node.form === 'array') {
    const [tag, ...items] = node.items;
    return { tag: tagOf(tag), body: { form: 'array', items } };
  }
  if (node.form !== 'map') throw new Error('a message must be an array or a map');
  const isTag = ([key]: readonly [Node, Node]) => key.form === 'str' && key.value === 'type';
  const entries = node.entries.filter((entry) => !isTag(entry));
  return { tag: tagOf(node.entries.find(isTag)?.[1]), body: { form: 'map', entries } };
}

function tagOf(node: Node | undefined): string {
  if (node?.form === 'str') return node.value;
  if (node?.form === 'bin') return node.value.toString();
  if (node?.form === 'int') return Object.keys(MESSAGES)[Number(node.value)] ?? '';
  throw new Error('missing field `type`');
}

function fieldsOf(table: Table, node: Node, at: string): Record<string, unknown> {
  const rules = Object.entries(table);
  if (node.form === 'array' && node.items.length > rules.length) {
    throw new Error(`${at}: invalid length ${node.items.length}, expected ${rules.length} elements in sequence`);
  }
  return Object.fromEntries(
    rules.map(([name, rule], index) => [name, readField(rule, given(node, name, index, at), `${at}.${name}`)]),
  );
}

function given(node: Node, name: string, index: number, at: string): Node | undefined {
  if (node.form === 'array') return node.items[index];
  if (node.form !== 'map') throw new Error(`${at}: invalid type: ${node.form}, expected a struct`);
  const named = node.entries.filter(([key]) => text(key, `${at} key`) === name);
  if (named.length > 1) throw new Error(`${at}: duplicate field ${name}`);
  return named[0]?.[1];
}

function readField({ read, fallback }: FieldRule, node: Node | undefined, at: string): unknown {
  if (node !== undefined) return read(node, at);
  if (fallback === undefined) throw new Error(`missing field ${at}`);
  return fallback;
}

const expected = (at: string, what: string, node: Node): Error =>
  new Error(`${at}: invalid type: ${node.form}, expected ${what}`);

const text = (node: Node, at: string): string => {
  if (node.form !== 'str') throw expected(at, 'a string', node);
  return node.value;
};

const flag: Read = (node, at) => {
  if (node.form !== 'bool') throw expected(at, 'a boolean', node);
  return node.value;
};

const integer =
  (min: bigint, max: bigint): Read =>
  (node, at) => {
    if (node.form !== 'int') throw expected(at, 'an integer', node);
    if (node.value < min || node.value > max) throw new Error(`${at}: invalid value: integer ${node.value}`);
    return Number(node.value);
  };

const u64 = integer(0n, 2n ** 64n - 1n);
const u32 = integer(0n, 2n ** 32n - 1n);
const u8 = integer(0n, 255n);
const i64 = integer(-(2n ** 63n), 2n ** 63n - 1n);

const uuid: Read = (node, at) => {
  const hex = node.form === 'bin' ? node.value.toString('hex') : text(node, at).replaceAll('-', '').toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(hex)) throw expected(at, 'a UUID string', node);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
};

const list =
  (read: Read): Read =>
  (node, at) => {
    if (node.form !== 'array') throw expected(at, 'a sequence', node);
    return node.items.map((item, index) => read(item, `${at}[${index}]`));
  };

const mapOf =
  (read: Read): Read =>
  (node, at) => {
    if (node.form !== 'map') throw expected(at, 'a map', node);
    return Object.fromEntries(node.entries.map(([key, item]) => [text(key, at), read(item, at)]));
  };

const oneOf =
  (...names: readonly string[]): Read =>
  (node, at) => {
    const single = node.form === 'map' && node.entries.length === 1 ? node.entries[0]?.[0] : undefined;
    const name = text(single ?? node, at);
    if (!names.includes(name)) throw new Error(`${at}: unknown variant ${name}`);
    return name;
  };

const struct =
  (table: Table): Read =>
  (node, at) =>
    fieldsOf(table, node, at);

const systemTime: Read = (node, at) => {
  const table = { secs_since_epoch: must(u64), nanos_since_epoch: must(u32) };
  const { secs_since_epoch, nanos_since_epoch } = fieldsOf(table, node, at);
  return [secs_since_epoch, nanos_since_epoch];
};

/** serde_json::Value: neither bin nor ext, and keys are strings. */
const json: Read = (node, at) => {
  switch (node.form) {
    case 'nil':
      return null;
    case 'bool':
    case 'float':
    case 'str':
      return node.value;
    case 'int':
      return Number(node.value);
    case 'array':
      return list(json)(node, at);
    case 'map':
      return mapOf(json)(node, at);
    default:
      throw expected(at, 'any valid JSON value', node);
  }
};

function must(read: Read): FieldRule {
  return { read, fallback: undefined };
}

function defaulted(read: Read, fallback: unknown): FieldRule {
  return { read, fallback };
}

/** Option<T>. */
function may(read: Read): FieldRule {
  return { read: (node, at) => (node.form === 'nil' ? null : read(node, at)), fallback: null };
}

const status = oneOf('idle', 'initializing', 'running', 'thinking', 'paused', 'completed', 'failed', 'terminated');
const command = oneOf(
  ...['pause', 'resume', 'stop', 'kill', 'write_stdin', 'read_stdout', 'read_stderr', 'get_status', 'signal'],
  ...['custom_action', 'query_output', 'stream_logs'],
);
const update = oneOf('status_changed', 'output_available', 'error', 'completed', 'terminated', 'heartbeat');

const config = struct({
  name: defaulted(text, ''),
  model_backend: defaulted(text, ''),
  task: defaulted(text, ''),
  context: may(text),
  system_prompt: may(text),
  environment: defaulted(mapOf(text), {}),
  model: may(text),
  tool_level: may(text),
  agents: may(mapOf(json)),
});

const info = struct({
  id: must(uuid),
  name: must(text),
  status: must(status),
  model_backend: must(text),
  started_at: must(systemTime),
  task: must(text),
  paused_at: may(systemTime),
  pause_mode: may(oneOf('cooperative', 'forced')),
  attach_info: may(struct({ connect_url: must(text), token: must(text), expires_at: must(i64) })),
});

const result = struct({ agent_id: must(uuid), success: must(flag), status: may(status), error: may(text) });

const about = { request_id: must(text), agent_id: must(uuid) };

/** In the order of their indexes. */
const MESSAGES: Readonly<Record<string, Table>> = {
  spawn_request: {
    request_id: must(text),
    config: must(config),
    timeout_secs: may(u64),
    metadata: may(mapOf(text)),
  },
  spawn_response: {
    request_id: must(text),
    success: must(flag),
    agent_info: may(info),
    error: may(text),
    server_id: may(text),
  },
  control_command: { ...about, command_type: must(command), payload: may(json) },
  command_response: { ...about, success: must(flag), status: may(status), data: may(json), error: may(text) },
  status_update: {
    agent_id: must(uuid),
    update_type: must(update),
    status: may(status),
    message: may(text),
    data: may(json),
    timestamp: must(systemTime),
  },
  list_agents_request: { request_id: must(text), filter_status: may(status), limit: may(u64) },
  list_agents_response: {
    request_id: must(text),
    success: must(flag),
    agents: defaulted(list(info), []),
    error: may(text),
  },
  health_check_request: { request_id: must(text) },
  health_check_response: {
    request_id: must(text),
    healthy: must(flag),
    protocol_version: must(text),
    uptime_secs: may(u64),
    active_agents: may(u64),
    metadata: may(mapOf(text)),
  },
  custom_action_request: { ...about, action: must(text), params: may(json), timeout_secs: may(u64) },
  batch_control_command: {
    request_id: must(text),
    agent_ids: must(list(uuid)),
    command_type: must(command),
    payload: may(json),
    fail_fast: defaulted(flag, false),
  },
  batch_control_response: {
    request_id: must(text),
    success: must(flag),
    results: must(list(result)),
    successful: must(u64),
    failed: must(u64),
  },
  output_query_request: {
    ...about,
    stream: must(oneOf('stdout', 'stderr', 'both')),
    filter: may(text),
    limit: may(u64),
    offset: may(u64),
  },
  output_query_response: {
    ...about,
    success: must(flag),
    lines: defaulted(list(text), []),
    total_lines: may(u64),
    has_more: defaulted(flag, false),
    error: may(text),
  },
  log_stream: {
    agent_id: must(uuid),
    stream_type: must(oneOf('stdout', 'stderr')),
    data: must(list(u8)),
    timestamp: must(systemTime),
    sequence: must(u64),
  },
};

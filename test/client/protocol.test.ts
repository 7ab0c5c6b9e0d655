import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Publisher, Reply } from 'zeromq';
import { type Client, connect } from '../../src/client/client.js';
import { pack, unpack } from '../../src/protocol/codec.js';
import type { ControlCommandType } from '../../src/protocol/protocol.js';

const UUID = '00112233-4455-6677-8899-aabbccddeeff';
const ID = Buffer.from(UUID.replaceAll('-', ''), 'hex');
const INFO = [ID, 'a', 'running', 'claude', [1_700_000_000, 5], 't', null, null, null];

type Fields = Record<string, unknown>;

/** A server of the agent protocol that is none of ours: a REP socket, one request after another, answers in array form. */
class ForeignServer {
  readonly requests: Fields[] = [];
  endpoint = '';
  readonly publisher = new Publisher({ linger: 0 });
  readonly #socket = new Reply({ linger: 0 });

  static async start(): Promise<ForeignServer> {
    const server = new ForeignServer();
    await server.#socket.bind('tcp://127.0.0.1:*');
    await server.publisher.bind('tcp://127.0.0.1:*');
    server.endpoint = server.#socket.lastEndpoint ?? '';
    void server.#serve();
    return server;
  }

  close(): void {
    this.#socket.close();
    this.publisher.close();
  }

  async #serve(): Promise<void> {
    for await (const [payload] of this.#socket) {
      const request = unpack(payload ?? Buffer.alloc(0)) as Fields;
      this.requests.push(request);
      await this.#socket.send(pack(this.#answer(request)));
    }
  }

  #answer({ type, request_id: id, ...fields }: Fields): unknown[] {
    switch (type) {
      case 'health_check_request':
        return ['health_check_response', id, true, '1.0.0', 300, 1, { server_id: 's1' }];
      case 'spawn_request':
        return ['spawn_response', id, true, INFO, null, 's1'];
      case 'list_agents_request':
        return ['list_agents_response', id, true, [INFO], null];
      case 'control_command':
        return ['command_response', id, ID, true, 'Running', this.#data(fields.command_type), null];
      case 'custom_action_request':
        return ['command_response', id, ID, true, 'running', { action: fields.action, result: fields.params }, null];
      case 'batch_control_command':
        return ['batch_control_response', id, false, [[ID, false, null, 'no']], 0, 1];
      case 'output_query_request':
        return ['output_query_response', id, ID, true, ['one', 'two'], 5, true, null];
      default:
        return ['spawn_response', id, false, null, 'what is that', null];
    }
  }

  #data(command: unknown): unknown {
    const [, port] = /:(\d+)$/.exec(this.publisher.lastEndpoint ?? '') ?? [];
    return command === 'stream_logs'
      ? { pub_endpoint: `tcp://0.0.0.0:${port}`, topic: UUID, enabled: true }
      : { status: 'Running' };
  }
}

let server: ForeignServer;
let client: Client;

beforeEach(async () => {
  server = await ForeignServer.start();
  client = await connect({ endpoint: server.endpoint, timeout: 10_000 });
});

afterEach(async () => {
  await client.close();
  server.close();
});

const config = {
  name: 'a',
  model_backend: 'claude',
  task: 't',
  context: null,
  system_prompt: null,
  environment: { K: 'V' },
  model: null,
  tool_level: null,
  agents: null,
};

describe('the client of a server that knows only the agent protocol', () => {
  it('spawns, lists and asks for health', async () => {
    const spawned = await client.protocol.send({
      type: 'spawn_request',
      config,
      timeout_secs: 300,
      metadata: { K: 'V' },
    });
    expect(spawned).toMatchObject({
      success: true,
      agent_info: { id: UUID, status: 'running', started_at: [1_700_000_000, 5] },
      server_id: 's1',
    });
    const listed = await client.protocol.send({ type: 'list_agents_request', filter_status: 'running', limit: 10 });
    expect(listed.agents).toMatchObject([{ id: UUID, task: 't' }]);
    const health = await client.protocol.send({ type: 'health_check_request' });
    expect(health).toMatchObject({ healthy: true, uptime_secs: 300, metadata: { server_id: 's1' } });
    expect(server.requests[1]).toMatchObject({
      timeout_secs: 300,
      metadata: { K: 'V' },
      config: { environment: { K: 'V' } },
    });
  });

  it('gives every command, with its payload', async () => {
    const commands: readonly (readonly [ControlCommandType, unknown])[] = [
      ['pause', { force: true }],
      ['resume', null],
      ['stop', null],
      ['kill', null],
      ['write_stdin', { data: 'aGkK' }],
      ['read_stdout', null],
      ['read_stderr', null],
      ['get_status', null],
      ['signal', { signal: 'int' }],
      ['custom_action', { action: 'echo', params: { x: 1 } }],
      ['query_output', { max_lines: 10 }],
      ['stream_logs', null],
    ];
    for (const [command_type, payload] of commands) {
      const message = { type: 'control_command', agent_id: UUID, command_type, payload } as const;
      expect(await client.protocol.send(message)).toMatchObject({ success: true, agent_id: UUID, status: 'running' });
      expect(server.requests.at(-1)).toMatchObject({ agent_id: ID, command_type, payload });
    }
  });

  it('has actions, batches and queries of output', async () => {
    expect(await client.action(UUID, 'echo', { x: 1 })).toEqual({ action: 'echo', result: { x: 1 } });
    expect(await client.batch([UUID], 'get_status', { failFast: true })).toEqual({
      success: false,
      successful: 0,
      failed: 1,
      results: [{ agent: UUID, uuid: UUID, success: false, status: null, error: 'no', data: null, code: null }],
    });
    expect(await client.output(UUID, { stream: 'stdout', filter: 'E', limit: 2, offset: 1 })).toEqual({
      lines: ['one', 'two'],
      total: 5,
      hasMore: true,
    });
    expect(server.requests.slice(1)).toMatchObject([
      { action: 'echo', params: { x: 1 } },
      { agent_ids: [ID], command_type: 'get_status', fail_fast: true },
      { stream: 'stdout', filter: 'E', limit: 2, offset: 1 },
    ]);
  });

  it('follows the messages about an agent, at an address that can be reached', async () => {
    const log = ['log_stream', ID, 'stderr', [104, 200], [1_700_000_000, 0], 7];
    const status = ['status_update', ID, 'status_changed', 'completed', 'm', null, [1_700_000_000, 0]];
    const publish = async () => {
      for (const message of [log, status]) {
        await server.publisher.send(Buffer.concat([Buffer.from(`${UUID}\0`), pack(message)]));
      }
    };
    const publishing = setInterval(() => void publish(), 50);
    const seen = new Map<string, unknown>();
    for await (const message of client.protocol.stream(UUID)) {
      seen.set(message.type, message);
      if (seen.size === 2) break;
    }
    clearInterval(publishing);
    expect(seen.get('log_stream')).toMatchObject({
      stream_type: 'stderr',
      data: Uint8Array.from([104, 200]),
      sequence: 7,
    });
    expect(seen.get('status_update')).toMatchObject({
      update_type: 'status_changed',
      status: 'completed',
      message: 'm',
    });
  });

  it('keeps many requests in order although one is answered after another', async () => {
    const ids = Array.from({ length: 100 }, (_, n) => n);
    const answers = await Promise.all(ids.map((n) => client.action(UUID, 'echo', n)));
    expect(answers).toEqual(ids.map((result) => ({ action: 'echo', result })));
  });

  it('refuses our own operations before they are sent: such a server would never answer', async () => {
    await expect(client.agents()).rejects.toMatchObject({ code: 'SERVER_FOREIGN', details: { operation: 'ps' } });
    expect(server.requests).toHaveLength(1);
  });

  it('does not take an answer of another kind', async () => {
    const odd = { type: 'tree_request', operation: 'ps', params: {}, progress: false } as const;
    await expect(client.protocol.send(odd)).rejects.toMatchObject({ code: 'MESSAGE_INVALID' });
  });
});

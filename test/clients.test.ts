import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pack } from '../src/protocol/codec.js';
import { type Served, servedHere } from './cli/process.js';
import { PYTHON } from './program.js';
import { type Answer, ask } from './transport/rig.js';

const examples = fileURLToPath(new URL('../examples', import.meta.url));

let server: Served;

beforeAll(async () => {
  server = await servedHere();
});

afterAll(() => server.close());

/** Runs a client as a person would. */
async function run(command: string, ...args: string[]): Promise<{ code: number | null; lines: string[]; err: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const [code] = await once(child, 'close');
  return { code, lines: out.trimEnd().split('\n'), err };
}

describe('clients in other languages', () => {
  it('Python spawns an agent, follows its output, pauses it and stops it', async () => {
    const ticker = `${examples}/clients/ticker.mjs`;
    const { code, lines, err } = await run(
      PYTHON,
      `${examples}/clients/python/client.py`,
      server.endpoint,
      'node-cli',
      ticker,
    );
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(lines[0]).toBe('server 1.0.0');
    expect(lines[1]).toMatch(/^spawned [0-9a-f-]{36}$/);
    const logs = lines.slice(2, 5).map((line) => /^line (\d+) \S/.exec(line)?.[1]);
    const [first] = logs.map(Number);
    expect(logs.map(Number)).toEqual([first, Number(first) + 1, Number(first) + 2]);
    expect(lines.slice(5)).toEqual(['pause paused', 'resume running', 'stop terminated', 'left 0']);
  });

  it('Python gets the reason when it cannot be done', async () => {
    const { code, err } = await run(PYTHON, `${examples}/clients/python/client.py`, server.endpoint, 'gpt', 'x');
    expect(code).toBe(1);
    expect(err).toContain('Unsupported model backend for process spawning: gpt.');
  });

  it('a REQ socket with bytes by hand asks, and its nonsense is answered too', async () => {
    await operate('spawn', { spec: { id: 'sleeper', command: ['sleep', '300'] } });
    const { code, lines, err } = await run(process.execPath, `${examples}/clients/raw-req.mjs`, server.endpoint);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(lines).toEqual([
      'r1: protocol 1.0.0, 1 agents',
      'sleeper is running',
      'r3: root/sleeper says Running',
      'r4: MESSAGE_TYPE',
    ]);
  });

  it('an agent is stopped when its time is over, and its record says so', async () => {
    const spec = { id: 'brief', command: ['sleep', '300'], maxRuntime: 300 };
    expect(await operate('spawn', { spec })).toMatchObject({ success: true, data: { state: 'running' } });
    await expect
      .poll(() => operate('status', { agent: 'brief' }))
      .toMatchObject({ data: { state: 'stopped', exit: { cause: 'timeout', commanded: true } } });
  });

  it('an agent that was spawned with max_runtime is stopped after it, and timeout_secs have no effect once it runs', async () => {
    const config = { name: 'brief', model_backend: 'sleep-cli', task: '300' };
    const request = { type: 'spawn_request', request_id: 's', config, timeout_secs: 1 };
    expect(await ask(server.endpoint, pack({ ...request, config: { ...config, name: 'lasting' } }))).toMatchObject({
      success: true,
    });
    const spawned = await ask(server.endpoint, pack({ ...request, max_runtime: 1_500, metadata: { team: 'blue' } }));
    expect(spawned).toMatchObject({
      success: true,
      agent_info: { status: 'running', name: 'brief', metadata: { team: 'blue' } },
    });
    const running = async () => {
      const { agents } = await ask(server.endpoint, pack(['list_agents_request', 'l', 'running']));
      return (agents as { name: string }[]).map(({ name }) => name);
    };
    await expect.poll(running).not.toContain('brief');
    expect(await running()).toContain('lasting');
  });

  it('a command that cannot be executed leaves no row, and its reason can still be asked for', async () => {
    const config = { name: 'nothing', model_backend: 'nosuchprogram-cli', task: 't' };
    const spawned = await ask(server.endpoint, pack({ type: 'spawn_request', request_id: 's', config }));
    expect(spawned).toMatchObject({
      success: false,
      agent_info: null,
      error: expect.stringMatching(
        /^Failed to spawn agent: Agent spawn failed: Failed to spawn process for backend 'nosuchprogram-cli': .*nosuchprogram not found/,
      ),
    });
    const { agents } = await ask(server.endpoint, pack(['list_agents_request', 'l']));
    expect((agents as { name: string }[]).map(({ name }) => name)).not.toContain('nothing');
    const status = { type: 'tree_request', request_id: 't', operation: 'status', params: { agent: 'nothing' } };
    expect(await ask(server.endpoint, pack(status))).toMatchObject({ data: { exit: { cause: 'spawn-error' } } });
  });
});

function operate(operation: string, params: object): Promise<Answer> {
  return ask(server.endpoint, pack({ type: 'tree_request', request_id: 't', operation, params }));
}

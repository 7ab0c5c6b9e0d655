import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACTIONS, COMMANDS, type CommandRow } from '../../docs/control-tables.js';
import { membersOf, numberOf } from '../../docs/declarations.js';
import { REQUEST_OPTIONS } from '../../docs/request-option-tables.js';
import { TOOL_LEVELS, toolsOf } from '../../docs/spawn-tables.js';
import { UPDATE_DATA, UPDATES } from '../../docs/stream-tables.js';
import { DEFAULT_LIMITS } from '../../src/control/limits.js';
import type { Fields } from '../../src/protocol/kinds.js';
import { CONTROL_COMMANDS, type ControlCommandType, MESSAGES } from '../../src/protocol/protocol.js';
import { documentOf, subscribe } from '../transport/follower.js';
import type { Answer } from '../transport/rig.js';
import { Served } from './served.js';

const PATIENCE = { timeout: 20_000 };

let served: Served;
let uuid: string;

beforeAll(async () => {
  served = await Served.open();
  const script = 'while read line; do echo "$line"; echo "$line" >&2; done';
  await served.operate('spawn', { spec: { id: 'parrot', command: ['sh', '-c', script] } });
  uuid = served.server.tree.agent('parrot').uuid;
});

afterAll(() => served.close());

const command = (command_type: string, payload: unknown = null): Promise<Answer> =>
  served.ask({ type: 'control_command', agent_id: uuid, command_type, payload });

/** Payloads with which every command succeeds, in an order in which all of them can be given to one agent, and every key of data is told. */
const GOOD: Readonly<Record<ControlCommandType, readonly object[]>> = {
  write_stdin: [{ data: 'aGkK' }],
  read_stdout: [{}],
  read_stderr: [{}],
  query_output: [{}],
  get_status: [{}],
  custom_action: [{ action: 'echo' }, { action: 'ping' }],
  stream_logs: [{}],
  pause: [{}],
  resume: [{}],
  signal: [{ signal: 'cont' }],
  stop: [{}],
  kill: [{}],
};

const rows = Object.entries(COMMANDS) as [ControlCommandType, CommandRow][];

describe('the table of commands', () => {
  it('has a row for each', () => {
    expect(Object.keys(COMMANDS)).toEqual(CONTROL_COMMANDS);
  });

  it('names every key of a payload that is read, and whether it must be given', async () => {
    for (const [name, { payload }] of rows) {
      const [good = {}] = GOOD[name];
      for (const { name: key, fallback } of payload.filter(({ name: each }) => each !== 'params')) {
        const answer = await command(name, { ...good, [key]: { not: 'this' } });
        expect(answer, `${name} ${key}`).toMatchObject({
          code: 'MESSAGE_INVALID',
          details: { field: `payload.${key}` },
        });
        if (fallback !== undefined) continue;
        const { [key]: _, ...rest } = good as Record<string, unknown>;
        expect(await command(name, rest), `${name} without ${key}`).toMatchObject({ code: 'MESSAGE_INVALID' });
      }
    }
  });

  it('has the default of an absent key', async () => {
    for (const [name, { payload }] of rows) {
      for (const { name: key, fallback } of payload) {
        const value = /^`(.*)`$/.exec(fallback ?? '')?.[1];
        if (value === undefined || name.startsWith('read_')) continue;
        const [good = {}] = GOOD[name];
        const options = { ...good, [key]: JSON.parse(value) };
        // Its output may grow between the two.
        const same = async () => isDeepStrictEqual(await command(name, options), await command(name, good));
        await expect.poll(same, { ...PATIENCE, message: `${name} ${key}` }).toBe(true);
        if (name === 'pause') await command('resume');
      }
    }
  });

  it('names every key of the data of an answer', async () => {
    await command('write_stdin', GOOD.write_stdin[0]);
    const lines = (stream: 'stdout' | 'stderr') => served.server.tree.agent(uuid).output({ stream }).lines.length;
    await expect.poll(() => Math.min(lines('stdout'), lines('stderr'))).toBeGreaterThan(0);
    for (const [name, payloads] of Object.entries(GOOD) as [ControlCommandType, readonly object[]][]) {
      const keys = new Set<string>();
      const documented = (COMMANDS[name].data ?? []).map((key) => key.name);
      for (const { success, data } of await answersTo(name, payloads)) {
        expect(success, name).toBe(true);
        const documented = Object.keys(data ?? {});
        for (const key of documented) keys.add(key);
        expect(documented, name).toEqual(expect.arrayContaining(documented.filter((key) => !key.endsWith('?'))));
      }
      expect([...keys].sort(), name).toEqual(documented.map((key) => key.replace('?', '')).sort());
    }
  });
});

/** A reading command is given until there is nothing more to read. */
async function answersTo(name: string, payloads: readonly object[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const payload of payloads) answers.push(await command(name, payload));
  const isLine = ({ data }: Answer) => (data as Answer).data !== null;
  while (name.startsWith('read_') && answers.every(isLine)) answers.push(await command(name));
  return answers;
}

describe('the other tables about the wire', () => {
  it('name every built-in action', async () => {
    const { details } = await command('custom_action', { action: 'no such action' });
    expect(Object.keys(ACTIONS).join(', ')).toBe((details as Answer).known);
  });

  it('name every term of a request', () => {
    const fields: Fields = MESSAGES.tree_request.fields;
    const ours = Object.keys(fields).filter((name) => fields[name]?.addition || name === 'progress');
    expect(Object.keys(REQUEST_OPTIONS).sort()).toEqual(ours.sort());
  });

  it('say the default of every limit', () => {
    const documented = membersOf('control/limits.ts', 'Limits').map(({ name, about }) => {
      const [, number, mega] = /If not given, (\d+)( MiB)?\.$/.exec(about) ?? [];
      return [name, Number(number) * (mega === undefined ? 1 : 1024 * 1024)];
    });
    expect(Object.fromEntries(documented)).toEqual(DEFAULT_LIMITS);
  });

  it('have their numbers from the sources, and notice when one is gone', () => {
    expect(numberOf('transport/outbox.ts', 'MAX_WAITING.one')).toBe(64 * 1024 * 1024);
    expect(() => numberOf('transport/outbox.ts', 'MAX_WAITING.two')).toThrow(/no number MAX_WAITING.two/);
  });

  it('put only levels together that have the same tools', () => {
    for (const levels of TOOL_LEVELS) {
      expect(new Set(levels.map(toolsOf)).size).toBe(1);
      expect(toolsOf(levels[0] ?? '')).not.toBe('');
    }
    expect(toolsOf('edit')).toBe('');
  });

  it('name every key of the data of a status_update, and its types', async () => {
    const { pubEndpoints, tree } = served.server;
    const subscription = subscribe(pubEndpoints[0] ?? '', '');
    const updates = () =>
      subscription.frames
        .map(([frame]) => documentOf(frame) as Answer)
        .filter(({ type, data }) => type === 'status_update' && (data as Answer).path === 'root/fails');
    await expect.poll(() => subscription.frames.length).toBeGreaterThan(0);
    await tree.supervisor().add({ id: 'fails', command: ['sh', '-c', 'read x; exit 1'], restart: 'transient' });
    await tree.agent('fails').write('\n');
    await expect.poll(() => updates().some(({ update_type }) => update_type === 'error')).toBe(true);
    await tree.agent('fails').stop();
    await expect.poll(() => updates().at(-1)?.update_type).toBe('terminated');
    await subscription.close();
    for (const { data, update_type } of updates()) {
      expect(Object.keys(data as object)).toEqual(Object.keys(UPDATE_DATA));
      expect(UPDATES.map(([, type]) => type)).toContain(update_type);
    }
  });
});

describe('the figures about ended agents', () => {
  it('holds: they can be asked, are listed by the agent protocol alone, and are stopped already', async () => {
    const config = { name: 'brief', model_backend: 'echo-cli', task: 'last words' };
    const { agent_info } = await served.ask({ type: 'spawn_request', config });
    const agent_id = (agent_info as Answer).id;
    const agent = 'root/brief';
    await expect.poll(() => served.server.tree.agents().map(({ id }) => id)).not.toContain('brief');
    for (const command_type of ['get_status', 'query_output', 'read_stdout', 'read_stderr']) {
      const answer = await served.ask({ type: 'control_command', agent_id, command_type });
      expect(answer, command_type).toMatchObject({ success: true, status: 'completed' });
    }
    expect(await served.ask({ type: 'output_query_request', agent_id, stream: 'both' })).toMatchObject({
      lines: ['last words'],
    });
    const status = await served.operate('status', { agent });
    expect(status).toMatchObject({ data: { exit: { code: 0 }, over: true } });
    expect(await served.operate('logs', { agent })).toMatchObject({ data: { lines: [{ text: 'last words\n' }] } });
    const { agents } = await served.ask({ type: 'list_agents_request' });
    expect((agents as Answer[]).map(({ name }) => name)).toContain('brief');
    const { data } = await served.operate('ps');
    expect((data as Answer[]).map(({ id }) => id)).not.toContain('brief');
    expect(await served.operate('stop', { agent })).toMatchObject({ code: 'AGENT_NOT_FOUND' });
    const { uuid } = status.data as Answer;
    expect(await served.operate('stop', { agent: uuid })).toMatchObject({ success: true });
    expect(await served.operate('start', { agent: uuid })).toMatchObject({ code: 'INVALID_STATE' });
  });
});

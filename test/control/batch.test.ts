import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answer } from '../../src/control/answer.js';
import { SupertreeError } from '../../src/errors.js';
import { pack } from '../../src/protocol/codec.js';
import { decode } from '../../src/protocol/decode.js';
import { strictDecode } from '../protocol/strict-decoder.js';
import type { FakeAgent } from '../transport/fake-tree.js';
import { type Answer, createRig, type Rig, request } from '../transport/rig.js';

let rig: Rig;
let agents: FakeAgent[];

beforeEach(async () => {
  rig = await createRig();
  agents = Array.from({ length: 20 }, (_, index) => rig.tree.join({ id: `a${index}`, command: ['true'] }));
});

afterEach(() => rig.close());

const UNKNOWN = '00112233-4455-6677-8899-aabbccddeeff';
const NIL = '00000000-0000-0000-0000-000000000000';

const batch = (agent_ids: readonly unknown[], command_type: string, more: object = {}) =>
  request(rig, { type: 'batch_control_command', request_id: 'b', agent_ids, command_type, ...more });

const uuids = (list: readonly FakeAgent[] = agents) => list.map(({ uuid }) => uuid);
const resultsOf = ({ results }: Answer) => results as Answer[];
const codesOf = (reply: Answer) => resultsOf(reply).map(({ success, code }) => (success ? 'done' : code));

/** What commands of these agents wait for, and the way to let them go on. */
function hold(list: readonly FakeAgent[]): () => void {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  for (const agent of list) agent.hold = held;
  return release;
}

describe('batch_control_command', () => {
  it('has a result for every agent, in the order of the request', async () => {
    const reply = await batch(uuids(), 'get_status');
    expect(reply).toMatchObject({ type: 'batch_control_response', success: true, successful: 20, failed: 0 });
    const ids = resultsOf(reply).map(({ agent_id }) => (agent_id as Buffer).toString('hex'));
    expect(ids).toEqual(uuids().map((uuid) => uuid.replaceAll('-', '')));
    expect(resultsOf(reply)[0]).toMatchObject({
      success: true,
      status: 'running',
      error: null,
      data: { path: 'root/a0' },
    });
  });

  it('runs for all of them at once', async () => {
    const release = hold(agents);
    const pending = batch(uuids(), 'stop');
    await expect.poll(() => agents.every(({ state }) => state === 'stopping')).toBe(true);
    release();
    expect(await pending).toMatchObject({ success: true, successful: 20 });
    expect(agents.every(({ calls }) => calls.join() === 'stop')).toBe(true);
  });

  it('does not let unknown, malformed and refusing agents spoil the rest', async () => {
    (agents[1] as FakeAgent).refuse = new SupertreeError('ZOMBIE', { agent: 'root/a1', blockers: 'pid 7' });
    const ids = [agents[0]?.uuid, UNKNOWN, 'no uuid', 42, null, Buffer.from('short'), agents[1]?.uuid, agents[2]?.uuid];
    const reply = await batch(ids, 'stop');
    expect(reply).toMatchObject({ success: false, successful: 2, failed: 6 });
    expect(resultsOf(reply).map(({ success, code }) => (success ? true : code))).toEqual([
      true,
      'AGENT_NOT_FOUND',
      'MESSAGE_INVALID',
      'MESSAGE_INVALID',
      'MESSAGE_INVALID',
      'MESSAGE_INVALID',
      'ZOMBIE',
      true,
    ]);
    expect(resultsOf(reply)[2]).toMatchObject({
      agent_id: Buffer.from(NIL.replaceAll('-', ''), 'hex'),
      error: expect.stringContaining('agent_ids[2] must be a uuid, got "no uuid"'),
    });
  });

  it('is readable for a strict decoder also when ids are malformed', async () => {
    const bytes = await answer(rig.control, pack(['batch_control_command', 'b', ['x', UNKNOWN], 'stop']), () => {});
    expect(strictDecode(bytes)).toMatchObject({ results: [{ agent_id: NIL }, { agent_id: UNKNOWN }], failed: 2 });
    expect(decode(bytes)).toMatchObject({ ok: true });
  });

  it('with fail_fast begins nothing more after the first failure, and says so', async () => {
    const failing = agents[3] as FakeAgent;
    failing.refuse = new SupertreeError('ZOMBIE', { agent: failing.path, blockers: 'pid 7' });
    const reply = await batch(uuids(), 'stop', { fail_fast: true });
    expect(codesOf(reply)).toEqual(['done', 'done', 'done', 'ZOMBIE', ...Array(16).fill('BATCH_STOPPED')]);
    expect(resultsOf(reply)[9]).toMatchObject({ error: expect.stringContaining(`because ${failing.uuid} failed`) });
    expect(agents.slice(4).flatMap(({ calls }) => calls)).toEqual([]);
    expect(reply).toMatchObject({ success: false, successful: 3, failed: 17 });
  });

  it('with fail_fast runs for one after another', async () => {
    const [first, second] = agents as [FakeAgent, FakeAgent];
    const release = hold([first]);
    const pending = batch(uuids([first, second]), 'stop', { fail_fast: true });
    await expect.poll(() => first.state).toBe('stopping');
    expect(second.calls).toEqual([]);
    release();
    expect(await pending).toMatchObject({ success: true, successful: 2 });
  });

  it('with fail_fast begins nothing when one of the ids names no agent, wherever it stands', async () => {
    const [a, b, c] = uuids();
    for (const ids of [
      [UNKNOWN, a, b, c],
      [a, b, c, UNKNOWN],
    ]) {
      const reply = await batch(ids, 'kill', { fail_fast: true });
      const expected = ids.map((id) => (id === UNKNOWN ? 'AGENT_NOT_FOUND' : 'BATCH_STOPPED'));
      expect(codesOf(reply)).toEqual(expected);
    }
    expect(codesOf(await batch([a, 'x', UNKNOWN, b], 'kill', { fail_fast: true }))).toEqual([
      'BATCH_STOPPED',
      'MESSAGE_INVALID',
      'AGENT_NOT_FOUND',
      'BATCH_STOPPED',
    ]);
    expect(agents.flatMap(({ calls }) => calls)).toEqual([]);
  });

  it('with fail_fast does them all when none fails', async () => {
    expect(await batch(uuids(), 'pause', { fail_fast: true })).toMatchObject({ success: true, successful: 20 });
  });

  it('gives an agent that is named twice the command once', async () => {
    const { uuid } = agents[0] as FakeAgent;
    const reply = await batch([uuid, uuid], 'write_stdin', { payload: { data: 'aGkK' } });
    expect(reply).toMatchObject({ success: true, successful: 2 });
    expect(agents[0]?.written).toHaveLength(1);
  });

  it('takes 1,000 ids and refuses one more, naming the limit', async () => {
    expect(await batch([], 'stop')).toMatchObject({ success: true, results: [], successful: 0, failed: 0 });
    expect(await batch(Array(1_000).fill(UNKNOWN), 'stop')).toMatchObject({ success: false, failed: 1_000 });
    expect(await batch(Array(1_001).fill(UNKNOWN), 'stop')).toMatchObject({
      type: 'batch_control_response',
      success: false,
      code: 'BATCH_LIMIT',
      error: expect.stringContaining('1001 agents, the limit is 1000'),
      failed: 1_001,
    });
  });

  it('has the refusal of a batch in its results, where clients of the agent protocol read it', async () => {
    const { results } = await batch(Array(1_001).fill(UNKNOWN), 'stop');
    expect(results).toHaveLength(1_000);
    expect(new Set((results as { error: string }[]).map(({ error }) => error))).toEqual(
      new Set(['The batch names 1001 agents, the limit is 1000.']),
    );
    const invalid = await request(rig, {
      type: 'batch_control_command',
      request_id: 'b',
      agent_ids: 3,
      command_type: 'stop',
    });
    expect(invalid).toMatchObject({
      success: false,
      successful: 0,
      failed: 1,
      results: [
        { success: false, code: 'MESSAGE_INVALID', error: expect.stringContaining('agent_ids must be a list') },
      ],
    });
  });
});

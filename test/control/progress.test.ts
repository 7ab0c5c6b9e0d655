import { afterEach, describe, expect, it } from 'vitest';
import { answer } from '../../src/control/answer.js';
import { createControl } from '../../src/control/control.js';
import { pack, unpack } from '../../src/protocol/codec.js';
import { planSpawn } from '../../src/server/backend.js';
import { startWorld } from '../actors/fake-world.js';
import type { Answer } from '../transport/rig.js';

const STOP = { ask: 100, insist: 50, kill: 20, drain: 10 };
const SLOW = { id: 'slow', command: ['a'], stop: STOP, restart: 'temporary' } as const;
const PROBED = { id: 'probed', command: ['a'], readiness: { type: 'notify' } } as const;

const failures: unknown[] = [];

afterEach(() => {
  expect(failures.splice(0)).toEqual([]);
});

/** A tree in virtual time as it is offered to the wire. `failing`: the start of `probed` that fails. */
async function serving(failing = 0) {
  const world = await startWorld(
    { children: [SLOW, PROBED] },
    {
      script: ({ path }, attempt) => {
        if (path === 'root/slow') return { ignoresStop: true, drainsIn: 5 };
        return {
          startsIn: attempt - 1,
          stopsIn: 1,
          failsStart: attempt === failing ? attempt : 0,
          readyIn: attempt - 1,
        };
      },
    },
  );
  const control = createControl({
    tree: world.tree,
    serverId: 'server-test',
    version: '0.0.0',
    endpoints: () => [],
    pubEndpoints: [],
    maxAgents: 10,
    plan: planSpawn,
    failed: (thrown) => failures.push(thrown),
  });
  const words: Answer[] = [];
  const ask = async (operation: string, params: object, more: object = {}): Promise<Answer> => {
    const asked = pack({ type: 'tree_request', request_id: 't', operation, params, progress: true, ...more });
    return unpack(await answer(control, asked, (word) => words.push(unpack(word) as Answer))) as Answer;
  };
  return { ...world, words, ask };
}

type World = Awaited<ReturnType<typeof serving>>;

async function restarting(clock: World['clock'], ask: World['ask']): Promise<Answer> {
  const restarted = ask('restart', { agent: 'probed' });
  await clock.advance(10);
  return restarted;
}

const details = (words: readonly Answer[]) => words.map(({ detail }) => detail);

describe('the progress of a request', () => {
  it('reports each stage of a stop as status does, and last the end of an agent that is removed', async () => {
    const { clock, words, ask } = await serving();
    const stopped = ask('stop', { agent: 'slow' });
    const seen: unknown[] = [];
    for (let now = 0; now < 160; now += 40) {
      await clock.advance(40);
      const { data } = await ask('status', { agent: 'slow' });
      seen.push([words.at(-1)?.detail, (data as Answer).detail]);
    }
    expect(await stopped).toMatchObject({ success: true });
    expect(details(words)).toEqual([
      'stopping.asking.asked',
      'stopping.insisting',
      'stopping.killing',
      'stopping.draining',
      'stopped',
    ]);
    expect(seen).toEqual(
      ['stopping.asking.asked', 'stopping.asking.asked', 'stopping.insisting', 'stopped'].map((each) => [each, each]),
    );
  });

  it('reports a restart, one state after another', async () => {
    const { clock, words, ask } = await serving();
    expect(await restarting(clock, ask)).toMatchObject({ success: true });
    expect(details(words)).toEqual([
      'stopping.asking.asked',
      'stopped',
      'spawning.launching',
      'spawning.probing.waiting',
      'running.unknown',
    ]);
    expect(words[1]).toEqual({
      type: 'tree_progress',
      request_id: 't',
      path: 'root/probed',
      state: 'stopped',
      detail: 'stopped',
    });
  });

  it('reports the start of a child that is added to a nested supervisor', async () => {
    const { clock, words, ask } = await serving();
    for (const [operation, where] of [
      ['add_child', 'path'],
      ['spawn', 'parent'],
    ] as const) {
      const grown = ask('add_child', { spec: { id: `group-${operation}`, children: [] } });
      await clock.advance(10);
      await grown;
      const at = `root/group-${operation}`;
      const added = ask(operation, { spec: { id: 'new', command: ['b'] }, [where]: at });
      await clock.advance(10);
      expect(await added).toMatchObject({ success: true });
      expect(words.at(-1)).toMatchObject({ type: 'tree_progress', path: `${at}/new`, state: 'running' });
    }
  });

  it('comes after the interim message accepted', async () => {
    const { clock, words, ask } = await serving();
    const stopped = ask('stop', { agent: 'slow' }, { accepted: true });
    await clock.advance(200);
    await stopped;
    expect(words[0]).toEqual({ type: 'accepted', request_id: 't' });
    expect(words.filter(({ type }) => type === 'accepted')).toHaveLength(1);
    expect(details(words.slice(1))).toContain('stopping.insisting');
  });

  it('reports a failed start and the decision of its supervisor', async () => {
    const { clock, words, ask } = await serving(2);
    await restarting(clock, ask);
    expect(details(words)).toEqual([
      'stopping.asking.asked',
      'stopped',
      'spawning.launching',
      'failed',
      'failed.retrying',
    ]);
  });
});

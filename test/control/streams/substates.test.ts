import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTree } from '../../../src/actors/tree.js';
import { FakeTree } from '../../transport/fake-tree.js';
import { documentOf, Follower, subscribe } from '../../transport/follower.js';
import { type Live, Stage } from '../../transport/live.js';
import type { Answer } from '../../transport/rig.js';

const STUBBORN = ['node', fileURLToPath(new URL('../../fixtures/ignores-term.mjs', import.meta.url))];
const STAGES = ['stopping.insisting', 'stopping.killing'];

let stage: Stage;
const open: { close(): Promise<void> }[] = [];

beforeEach(async () => {
  stage = await Stage.open();
});

afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
  await stage.close();
  expect(stage.failures).toEqual([]);
});

/** A server with one agent that runs and does not end when it is asked. */
async function serving(): Promise<Live> {
  const stop = { ask: 100, insist: 100 };
  const tree = createTree({
    children: [{ id: 'a', command: STUBBORN, readiness: { type: 'log', pattern: 'up' }, stop }],
  });
  const live = await stage.serveTree('s', tree);
  await tree.start();
  return live;
}

function subscribed({ server }: Live, topic: string): () => Answer[] {
  const subscription = subscribe(server.pubEndpoints[0] ?? '', topic);
  open.push(subscription);
  return () => subscription.frames.map(([frame]) => documentOf(frame) as Answer);
}

describe('the stages of a stop', () => {
  it('come as events with the view of the agent, without further requests', async () => {
    const { server } = await serving();
    const follower = new Follower(server.pubEndpoints[0] ?? '');
    open.push(follower);
    await expect.poll(() => follower.read().positions.length).toBeGreaterThan(0);
    await server.tree.agent('a').stop();
    const events = () => follower.read().received.filter(({ event }) => event.type !== 'exited');
    await expect.poll(() => events().at(-1)?.agent?.state).toBe('stopped');
    const stages = events().filter(({ event }) => event.type === 'substate');
    expect(stages.slice(0, 2)).toMatchObject(
      STAGES.map((detail) => ({
        path: 'root/a',
        event: { type: 'substate', state: 'stopping', detail, incarnation: 1 },
        agent: { state: 'stopping', detail },
      })),
    );
  });

  it('come as status updates', async () => {
    const live = await serving();
    const agent = live.server.tree.agent('a');
    const updates = subscribed(live, agent.uuid);
    const words = () => updates().filter(({ type }) => type === 'status_update');
    await expect
      .poll(async () => {
        await agent.pause('forced');
        await agent.resume();
        return words().length;
      })
      .toBeGreaterThan(0);
    await agent.stop();
    await expect.poll(() => words().at(-1)?.update_type).toBe('terminated');
    const stages = words().filter(({ message }) => STAGES.includes(String(message)));
    expect(stages).toMatchObject(
      STAGES.map((detail) => ({
        update_type: 'status_changed',
        status: 'running',
        message: detail,
        data: { path: 'root/a', state: 'stopping', detail },
      })),
    );
  });
});

describe('a status update', () => {
  it('says where its agent was when it happened, and only the last one where it is now', async () => {
    const tree = new FakeTree('web');
    const live = await stage.serveTree('s', tree);
    const { path, uuid } = tree.member('web');
    const updates = subscribed(live, uuid);
    await expect
      .poll(() => {
        tree.report(path, { type: 'error', problem: 'none' });
        return updates().length;
      })
      .toBeGreaterThan(0);
    tree.report(path, { type: 'state', state: 'spawning', incarnation: 2 });
    tree.report(path, { type: 'substate', state: 'spawning', detail: 'spawning.probing.waiting', incarnation: 2 });
    tree.member('web').move('stopping');
    const words = () => updates().filter(({ update_type }) => update_type !== 'error');
    await expect.poll(() => words().length).toBe(3);
    expect(words().map(({ message, data }) => [message, (data as Answer).detail])).toEqual(
      ['spawning', 'spawning.probing.waiting', 'stopping.asking'].map((each) => [each, each]),
    );
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRig, type Rig, request } from '../transport/rig.js';

let rig: Rig;
let walks: string[];

/** From here on every look at all agents is noted. */
beforeEach(async () => {
  rig = await createRig({ maxAgents: 100 });
  walks = [];
  const { tree } = rig;
  const [agents, supervisor] = [tree.agents.bind(tree), tree.supervisor.bind(tree)];
  tree.agents = () => {
    walks.push('agents');
    return agents();
  };
  tree.supervisor = (path) => {
    const handle = supervisor(path);
    const view = () => {
      walks.push('supervisor.view');
      return handle.view();
    };
    return { ...handle, view };
  };
});

afterEach(async () => {
  await rig.close();
  expect(rig.failures).toEqual([]);
});

const config = { name: 'new', model_backend: 'sleep-cli', task: '1' };
const REQUESTS: Readonly<Record<string, object>> = {
  spawn_request: { type: 'spawn_request', config },
  spawn: { type: 'tree_request', operation: 'spawn', params: { spec: { id: 'a', command: ['sleep', '1'] } } },
  add_child: { type: 'tree_request', operation: 'add_child', params: { spec: { id: 'a', command: ['sleep', '1'] } } },
  status: { type: 'tree_request', operation: 'status', params: { agent: 'web' } },
  stop: { type: 'tree_request', operation: 'stop', params: { agent: 'web' } },
  restart: { type: 'tree_request', operation: 'restart', params: { agent: 'web' } },
  logs: { type: 'tree_request', operation: 'logs', params: { agent: 'web' } },
};

describe('a request about one agent', () => {
  it.each(Object.keys(REQUESTS))('does not look at all of them: %s', async (name) => {
    const answer = await request(rig, { request_id: 'r', ...REQUESTS[name] });
    expect(answer).toMatchObject({ success: true });
    expect(walks).toEqual([]);
  });

  it('finds a free id among many of the same name', async () => {
    const names: string[] = [];
    for (let n = 0; n < 20; n++) await request(rig, { request_id: `r${n}`, type: 'spawn_request', config });
    for (const { path } of rig.tree.members) names.push(path.slice(path.lastIndexOf('/') + 1));
    expect(names.filter((name) => name.startsWith('new')).sort()).toEqual(
      ['new', ...Array.from({ length: 19 }, (_, n) => `new-${n + 2}`)].sort(),
    );
  });
});

import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SupervisorHandle, SupervisorView, TreeView } from '../../src/contract/view.js';
import { type Peer, UNPROVEN } from '../../src/control/access/roles.js';
import { answer } from '../../src/control/answer.js';
import { type Control, createControl } from '../../src/control/control.js';
import { localContext } from '../../src/control/request-context.js';
import { SupertreeError } from '../../src/errors.js';
import { pack, unpack } from '../../src/protocol/codec.js';
import {
  COMMAND_OPERATIONS,
  MESSAGE_OPERATIONS,
  OPERATIONS,
  type Operation,
  ROLES,
  type Role,
} from '../../src/protocol/operations.js';
import { CONTROL_COMMANDS } from '../../src/protocol/protocol.js';
import { FakeAgent, FakeTree } from '../transport/fake-tree.js';

/*
 * Every operation of ours, every command and every request of the agent protocol, by a key without a role, with each one alone, with all but each one, and with all, about an agent or a supervisor
 * in its subtree, above it, beside it, missing or ended. What is expected follows from the declarations alone.
 */

const SUPERVISORS = ['root', 'root/own', 'root/beside'];
const REFUSED = new Set(['FORBIDDEN', 'KEY_UNPROVEN', 'AGENT_NOT_FOUND', 'AGENT_AMBIGUOUS', 'SUPERVISOR_NOT_FOUND']);

/** A tree with a group that a key may know and one that it may not. What is done to it changes no path. */
class Groups extends FakeTree {
  override supervisor(path = 'root'): SupervisorHandle {
    if (!SUPERVISORS.includes(path)) throw new SupertreeError('SUPERVISOR_NOT_FOUND', { path });
    const add = async () => {
      this.calls.push('add');
      return this.members.find((agent) => agent.path.startsWith(`${path}/`))?.path ?? path;
    };
    const noted = (name: string) => async () => void this.calls.push(name);
    const verbs = { terminate: noted('terminate'), restart: noted('restart'), delete: noted('delete') };
    return { ...super.supervisor(), path, view: () => this.viewOf(path), add, ...verbs, which: () => [] };
  }

  readonly calls: string[] = [];

  override view(): SupervisorView {
    return this.viewOf('root');
  }

  viewOf(path: string): SupervisorView {
    const isChild = (each: string) => each.startsWith(`${path}/`) && !each.slice(path.length + 1).includes('/');
    const agents = this.members.filter((agent) => isChild(agent.path));
    const children: TreeView[] = [
      ...SUPERVISORS.filter(isChild).map((each) => this.viewOf(each)),
      ...agents.map((agent) => ({ kind: 'agent' as const, ...agent.view() })),
    ];
    const id = path.slice(path.lastIndexOf('/') + 1);
    return { kind: 'supervisor', path, id, status: 'running', strategy: 'one_for_one', children };
  }

  place(parent: string, id: string): FakeAgent {
    const agent = new FakeAgent(this, parent, { id, command: ['true'], restart: 'temporary' });
    this.members.push(agent);
    this.report(agent.path, { type: 'created', uuid: agent.uuid });
    return agent;
  }

  finish(agent: FakeAgent): FakeAgent {
    agent.end(0);
    this.members.splice(this.members.indexOf(agent), 1);
    this.report(agent.path, { type: 'removed', uuid: agent.uuid });
    return agent;
  }
}

const tree = new Groups();
let control: Control;
let agents: Record<'own' | 'above' | 'beside' | 'endedOwn' | 'endedBeside', FakeAgent>;

beforeAll(() => {
  control = createControl({
    tree,
    serverId: 'server-matrix',
    version: '0',
    endpoints: () => [],
    pubEndpoints: ['tcp://127.0.0.1:1'],
    maxAgents: 1000,
    plan: () => ({ command: ['true'], env: {} }),
    failed: (thrown) => {
      throw thrown;
    },
  });
  agents = {
    own: tree.place('root/own', 'a'),
    above: tree.place('root', 'top'),
    beside: tree.place('root/beside', 'b'),
    endedOwn: tree.finish(tree.place('root/own', 'gone')),
    endedBeside: tree.finish(tree.place('root/beside', 'left')),
  };
});

afterAll(() => control.close());

/** One that is enough where it is not declared shows alone, one that is missing where it is declared among all others. */
const SETS: readonly (readonly Role[])[] = [
  [],
  ...ROLES.map((role) => [role]),
  ...ROLES.map((role) => ROLES.filter((other) => other !== role)),
  ROLES,
];
const MISSING = '01234567-89ab-4cde-8f01-23456789abcd';

interface Answer {
  readonly success?: boolean;
  readonly healthy?: boolean;
  readonly code?: string;
  readonly error?: string;
  readonly remedy?: string;
}

async function ask(message: object, peer: Peer): Promise<Answer> {
  const bytes = await answer(control, pack({ request_id: 'r', ...message }), () => {}, { ...localContext(), peer });
  return unpack(bytes) as Answer;
}

/** The code of a refusal; `null` when the peer was let through, whatever came of it. */
async function refusalOf(message: object, peer: Peer): Promise<string | null> {
  const before = tree.calls.length + Object.values(agents).reduce((sum, { calls }) => sum + calls.length, 0);
  const { code } = await ask(message, peer);
  const after = tree.calls.length + Object.values(agents).reduce((sum, { calls }) => sum + calls.length, 0);
  if (code === undefined || !REFUSED.has(code)) return null;
  // A refused request never reaches the tree.
  expect(after).toBe(before);
  return code;
}

/** A value for each parameter that must be given. */
const SAMPLES: Readonly<Record<string, unknown>> = {
  spec: { id: 'new', command: ['true'] },
  signal: 'SIGTERM',
  data: 'x',
  id: 'a',
};

const PAYLOADS: Readonly<Record<string, object>> = {
  write_stdin: { data: 'eA==' },
  signal: { signal: 'SIGTERM' },
  custom_action: { action: 'ping' },
};

function treeRequest(name: string, operation: Operation, ref: string | null): object {
  const { entries } = operation.params as unknown as { entries: Record<string, { type: string }> };
  const needed = Object.entries(entries).filter(([, { type }]) => type !== 'exact_optional');
  const params = Object.fromEntries(needed.map(([key]) => [key, SAMPLES[key]]));
  if (operation.named !== undefined && ref !== null) params[operation.named] = ref;
  return { type: 'tree_request', operation: name, params };
}

function command(name: string, ref: string): object {
  return { type: 'control_command', agent_id: ref, command_type: name, payload: PAYLOADS[name] ?? null };
}

const REQUESTS: Readonly<Record<string, (ref: string) => object>> = {
  spawn_request: () => ({ config: { name: 'new', model_backend: 'x', task: 'x' } }),
  list_agents_request: () => ({}),
  health_check_request: () => ({}),
  custom_action_request: (agent_id) => ({ agent_id, action: 'ping' }),
  output_query_request: (agent_id) => ({ agent_id, stream: 'both' }),
};

/** What a key that has `roles` for root/own is answered about an agent of each kind. */
function ofAgent(role: Role, roles: readonly Role[], isByUuid: boolean) {
  const own = roles.includes(role) ? null : 'FORBIDDEN';
  const isCommand = role !== 'observe';
  const missing = 'AGENT_NOT_FOUND';
  return {
    own,
    above: missing,
    beside: missing,
    endedOwn: isCommand && !isByUuid ? missing : own,
    endedBeside: missing,
  };
}

describe.each(SETS.map((roles) => [roles.join('+') || 'no role', roles] as const))('a key with %s', (_name, roles) => {
  const peer: Peer = { name: 'key', publicKey: 'k'.repeat(40), grants: [{ roles, subtree: 'root/own' }] };
  const anywhere = (role: Role) => (roles.includes(role) ? null : 'FORBIDDEN');

  it.each(Object.entries(OPERATIONS) as [string, Operation][])(
    'may %s exactly where it is declared',
    async (name, operation) => {
      const { of, role } = operation;
      const refuse = (ref: string | null) => refusalOf(treeRequest(name, operation, ref), peer);
      if (role === null) return expect(await refuse(null)).toBeNull();
      if (of === 'tree') return expect(await refuse(null)).toBe('FORBIDDEN');
      if (of === 'listing') return expect(await refuse(null)).toBe(anywhere(role));
      if (of === 'supervisor') {
        for (const ref of [null, 'root/own']) expect(await refuse(ref)).toBe(anywhere(role));
        for (const ref of ['root', 'root/beside', 'root/own/none']) {
          expect(await refuse(ref)).toBe('SUPERVISOR_NOT_FOUND');
        }
        return;
      }
      for (const isByUuid of [false, true]) {
        for (const [kind, expected] of Object.entries(ofAgent(role, roles, isByUuid))) {
          const agent = agents[kind as keyof typeof agents];
          expect([kind, isByUuid, await refuse(isByUuid ? agent.uuid : agent.path)]).toEqual([
            kind,
            isByUuid,
            expected,
          ]);
        }
      }
      for (const ref of ['root/own/none', 'none', MISSING]) expect(await refuse(ref)).toBe('AGENT_NOT_FOUND');
    },
  );

  it('may close the standard input exactly of agents that it may stop', async () => {
    const send = (data: string, end: boolean) => ({
      type: 'tree_request',
      operation: 'send',
      params: { agent: agents.own.path, data, end },
    });
    expect(await refusalOf(send('', true), peer)).toBe(anywhere('lifecycle'));
    expect(await refusalOf(send('x', true), peer)).toBe(anywhere('lifecycle') ?? anywhere('input'));
    expect(await refusalOf(send('x', false), peer)).toBe(anywhere('input'));
  });

  it.each(CONTROL_COMMANDS)('may give the command %s exactly where it is declared, in a batch too', async (name) => {
    const { of, role } = COMMAND_OPERATIONS.get(name) as Operation;
    for (const [kind, expected] of Object.entries(ofAgent(role as Role, roles, true))) {
      const { uuid } = agents[kind as keyof typeof agents];
      const due = of === 'tree' ? 'FORBIDDEN' : expected;
      expect([kind, await refusalOf(command(name, uuid), peer)]).toEqual([kind, due]);
      const batch = {
        type: 'batch_control_command',
        agent_ids: [uuid],
        command_type: name,
        payload: PAYLOADS[name] ?? null,
      };
      const { results } = (await ask(batch, peer)) as unknown as { results: { code?: string }[] };
      expect([kind, REFUSED.has(results[0]?.code ?? '') ? results[0]?.code : null]).toEqual([kind, due]);
    }
  });

  it.each(Object.keys(REQUESTS))('may send a %s exactly where it is declared', async (type) => {
    const { of, role } = MESSAGE_OPERATIONS.get(type as never) as Operation;
    const refuse = (ref: string) => refusalOf({ type, ...REQUESTS[type]?.(ref) }, peer);
    if (role === null) return expect(await refuse('')).toBeNull();
    if (of !== 'agent') return expect(await refuse('')).toBe(anywhere(role));
    for (const [kind, expected] of Object.entries(ofAgent(role, roles, true))) {
      expect([kind, await refuse(agents[kind as keyof typeof agents].uuid)]).toEqual([kind, expected]);
    }
  });

  it('sees nothing outside of its subtree in a list, and gets the same error for unknown as for missing agents', async () => {
    for (const operation of ['ps', 'tree', 'snapshot', 'health']) {
      const text = inspect(await ask({ type: 'tree_request', operation, params: {} }, peer), { depth: null });
      for (const hidden of [agents.above, agents.beside, agents.endedBeside]) expect(text).not.toContain(hidden.uuid);
    }
    for (const name of ['status', 'stop', 'send', 'logs']) {
      const about = async (agent: string) =>
        JSON.stringify(await ask(treeRequest(name, OPERATIONS[name as 'stop'] as Operation, agent), peer)).replaceAll(
          agent,
          'X',
        );
      const missing = await about(MISSING);
      for (const hidden of [agents.above, agents.beside, agents.endedBeside]) {
        expect(await about(hidden.uuid)).toBe(missing);
        expect(await about(hidden.path)).toBe(missing);
      }
    }
  });
});

describe('the declarations', () => {
  it('cover every command and every request once', () => {
    expect([...COMMAND_OPERATIONS.keys()].sort()).toEqual([...CONTROL_COMMANDS].sort());
    const all = [...Object.keys(REQUESTS), 'batch_control_command'];
    expect([...MESSAGE_OPERATIONS.keys()].sort()).toEqual(all.sort());
  });

  it('let a peer that did not prove its key do nothing', async () => {
    for (const [name, operation] of Object.entries(OPERATIONS) as [string, Operation][]) {
      expect(await refusalOf(treeRequest(name, operation, 'root/own'), UNPROVEN)).toBe('KEY_UNPROVEN');
    }
    for (const name of CONTROL_COMMANDS) expect(await refusalOf(command(name, MISSING), UNPROVEN)).toBe('KEY_UNPROVEN');
    for (const [type, fields] of Object.entries(REQUESTS)) {
      expect(await refusalOf({ type, ...fields(MISSING) }, UNPROVEN)).toBe('KEY_UNPROVEN');
    }
  });

  it('let a key of the whole tree with every role do everything', async () => {
    const peer: Peer = { name: 'key', publicKey: 'k'.repeat(40), grants: [{ roles: ROLES, subtree: 'root' }] };
    for (const [name, operation] of Object.entries(OPERATIONS) as [string, Operation][]) {
      const ref = operation.of === 'supervisor' ? 'root/beside' : agents.beside.path;
      expect([name, await refusalOf(treeRequest(name, operation, ref), peer)]).toEqual([name, null]);
    }
    for (const name of CONTROL_COMMANDS) expect(await refusalOf(command(name, agents.beside.uuid), peer)).toBeNull();
  });
});

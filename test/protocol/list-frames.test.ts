import { describe, expect, it } from 'vitest';
import type { AgentView } from '../../src/contract/view.js';
import { pack } from '../../src/protocol/codec.js';
import { decode, encode } from '../../src/protocol/decode.js';
import { MESSAGES } from '../../src/protocol/protocol.js';
import { agentInfo } from '../../src/protocol/status.js';
import { writeFields } from '../../src/protocol/struct.js';

function viewOf(n: number, more: Partial<AgentView> = {}): AgentView {
  return {
    path: `root/a${n}`,
    id: `a${n}`,
    uuid: `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`,
    state: 'running',
    detail: 'running',
    pid: 1,
    ports: {},
    restart: 'permanent',
    restarts: 0,
    incarnation: 1,
    health: 'unknown',
    healthSince: null,
    healthDetail: '',
    statusText: '',
    since: 1,
    createdAt: 1_700_000_000_000,
    startedAt: 1_700_000_000_123,
    readyAt: null,
    pausedAt: null,
    pauseMode: null,
    exit: null,
    retryIn: null,
    blockers: [],
    command: ['sleep', '1'],
    metadata: {},
    ...more,
  };
}

describe('a list of agents', () => {
  it.each([0, 1, 15, 16, 300, 70_000])('of %d agents has the same bytes as from the general encoder', (count) => {
    const agents = Array.from({ length: count }, (_, n) => agentInfo(viewOf(n, n % 2 ? { metadata: { n: 'ö' } } : {})));
    const answer = { type: 'list_agents_response', request_id: 'r', success: true, agents } as const;
    const { fields } = MESSAGES.list_agents_response;
    const expected = pack({ type: answer.type, ...writeFields(fields, answer as never) });
    const bytes = encode<'list_agents_response'>(answer);
    expect(bytes.equals(expected)).toBe(true);
    expect(decode(bytes)).toMatchObject({ ok: true, message: { request_id: 'r', agents: { length: count } } });
  });

  it('has the same object for the same view, and so packs each agent once', () => {
    const view = viewOf(1);
    expect(agentInfo(view)).toBe(agentInfo(view));
    expect(agentInfo(viewOf(1, { state: 'failed' }))).toMatchObject({ status: 'failed' });
  });
});

import { describe, expect, it } from 'vitest';
import { displayWidth } from '../../src/cli/width.js';
import type { SupervisorView } from '../../src/contract/view.js';
import { NOW, row, supertree } from './fake-host.js';

const UUIDS = ['0192f0c1-2222-7333-8444-000000000001', '0192f0c1-2222-7333-8444-000000000002'] as const;
const group = 'root/a-group-with-a-name/and-one-below-it-of-some-length/then-a-third-one';

const ordinary = [
  row('root/web', { uuid: UUIDS[0], ports: { http: 8100, admin: 8101 }, restarts: 2 }),
  row('root/workers/transcoder', {
    uuid: UUIDS[1],
    state: 'failed',
    detail: 'failed.retrying',
    retryIn: 4_000,
    since: NOW,
  }),
];
const deep = [row(`${group}/worker-1`), row(`${group}/worker-2`), row(`${group.replace('third', 'fourth')}/worker-2`)];

const tree = (children: readonly ReturnType<typeof row>[]): SupervisorView => ({
  kind: 'supervisor',
  path: 'root',
  id: 'root',
  status: 'running',
  strategy: 'one_for_one',
  children: children.map((each) => ({ kind: 'agent', ...each, id: each.path })),
});
const snapshot = (agents: readonly ReturnType<typeof row>[]) => ({ epoch: 'e', seq: 1, agents, supervisors: [] });

const VIEWS = [
  ['ps', (rows: typeof ordinary) => ({ ps: () => rows })],
  ['top -n 1', (rows: typeof ordinary) => ({ ps: () => rows })],
  ['tree', (rows: typeof ordinary) => ({ tree: () => tree(rows) })],
  ['events', (rows: typeof ordinary) => ({ snapshot: () => snapshot(rows) })],
] as const;

describe.each(VIEWS)('supertree %s on a narrow terminal', (line, answersOf) => {
  const look = async (rows: typeof ordinary, columns: number) => {
    const setup = { answers: answersOf(rows), terminal: true, columns, env: { NO_COLOR: '1', TERM: 'dumb' } };
    const { code, out } = await supertree(line.split(' '), setup);
    expect(code).toBe(0);
    return out.split('\n').filter((text) => !/^after event|agents: /.test(text));
  };

  it.each([40, 60, 80, 100, 120])('wraps no line of %d columns', async (columns) => {
    for (const rows of [ordinary, deep]) {
      for (const text of await look(rows, columns)) expect(displayWidth(text)).toBeLessThanOrEqual(columns);
    }
  });

  it('shows whole names and states at 80 columns', async () => {
    const text = (await look(ordinary, 80)).join('\n');
    for (const word of ['root/web', 'root/workers/transcoder', '4711']) expect(text).toContain(word);
    expect(text).not.toContain('…');
  });

  it('never abbreviates two names to the same text', async () => {
    const names = (await look(deep, 80)).filter((text) => text.includes('worker-'));
    expect(new Set(names.map((text) => text.split(/ {2,}/)[0])).size).toBe(3);
  });
});

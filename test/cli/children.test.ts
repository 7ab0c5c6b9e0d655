import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { begin, supertree as fake, row, type Setup } from './fake-host.js';
import { type Served, servedHere, until } from './process.js';

const command = ['sleep', '1000'];
const TREE = {
  children: [
    { id: 'web', command },
    { id: 'group', children: [{ id: 'job', command }] },
    { id: 'workers', pool: { agent: { command }, max: 3 } },
  ],
};

describe('the children of a supervisor, by the command line', () => {
  let server: Served;
  const supertree = (...argv: string[]) => server.supertree(...argv);
  const stateOf = async (path: string) => {
    const rows = JSON.parse((await supertree('ps', '--json')).out) as { path: string; state: string }[];
    return rows.find((row) => row.path === path)?.state;
  };

  beforeAll(async () => {
    server = await servedHere(TREE);
    await until(async () => (await stateOf('root/group/job')) === 'running');
  });

  afterAll(() => server.close());

  it('are stopped, started and restarted with all that is below them', async () => {
    expect(await supertree('stop', 'root/group')).toMatchObject({ code: 0, out: 'root/group is stopped\n', err: '' });
    expect(await stateOf('root/group/job')).toBe('stopped');
    expect(await supertree('start', 'group')).toMatchObject({ code: 0, out: 'root/group is running\n', err: '' });
    expect(await stateOf('root/group/job')).toBe('running');
    const { code, out } = await supertree('restart', 'root/group', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual([
      { agent: 'root/group', row: { path: 'root/group', status: 'running' }, error: null },
    ]);
  });

  it('are refused as supervisors by commands for agents, and the root as the root of the tree', async () => {
    const paused = await supertree('pause', 'root/group');
    expect(paused).toMatchObject({ code: 2, out: '' });
    expect(paused.err).toMatch(/^USAGE: root\/group is a supervisor: .*start, stop, restart and delete.*\n$/);
    const root = await supertree('stop', 'root');
    expect(root.code).toBe(2);
    expect(root.err).toMatch(/^USAGE: root is the root of the tree: .*SIGTERM.*\n$/);
    expect((await supertree('stop', 'ghost')).err).toMatch(/^AGENT_NOT_FOUND/);
  });

  it('are deleted when they are down, or are stopped first', async () => {
    const refused = await supertree('delete', 'web');
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toMatch(/^RUNNING: .*supertree delete --stop.*\n$/);
    expect(await stateOf('root/web')).toBe('running');
    await supertree('stop', 'web');
    expect(await supertree('delete', 'web')).toMatchObject({ code: 0, out: 'root/web is deleted\n', err: '' });
    expect(await stateOf('root/web')).toBeUndefined();
    await supertree('spawn', 'one', '--', 'sleep', '1000');
    await supertree('spawn', 'two', '--restart', 'temporary', '--', 'sleep', '1000');
    const several = await supertree('delete', '--stop', '--json', 'root/one', 'two', 'ghost', 'root/group');
    expect(several.code).toBe(1);
    expect(JSON.parse(several.out)).toMatchObject([
      { agent: 'root/one', row: { path: 'root/one', status: 'deleted' }, error: null },
      { agent: 'two', row: { path: 'root/two' }, error: null },
      { agent: 'ghost', row: null, error: { code: 'AGENT_NOT_FOUND' } },
      { agent: 'root/group', row: { path: 'root/group' }, error: null },
    ]);
    expect(await stateOf('root/one')).toBeUndefined();
    expect((await supertree('tree')).out).not.toContain('group');
  });

  it('are added to a pool, and taken out of it', async () => {
    const { code, out } = await supertree('add', 'workers', '--json');
    const row = JSON.parse(out) as { path: string };
    expect(code).toBe(0);
    expect(row).toMatchObject({ path: expect.stringMatching(/^root\/workers\//), state: 'running' });
    expect((await supertree('add', 'root/workers')).out).toMatch(
      /^root\/workers\/\S+ is running, pid \d+, uuid \S+\n$/,
    );
    expect(await supertree('delete', row.path, '--stop')).toMatchObject({ code: 0, err: '' });
    expect(await stateOf(row.path)).toBeUndefined();
  });

  it('are not added without a spec to a supervisor', async () => {
    const root = await supertree('add', 'root');
    expect(root.code).toBe(2);
    expect(root.err).toMatch(/^USAGE: root is no pool: .*supertree spawn NAME --parent root.*\n$/);
    expect((await supertree('add', 'ghost')).err).toMatch(/^SUPERVISOR_NOT_FOUND/);
  });

  it('must be named', async () => {
    expect((await fake(['add'])).code).toBe(2);
    expect((await fake(['delete'])).code).toBe(2);
  });

  it('are not said to be deleted by an interrupted command, before and after it is sent', async () => {
    const interrupted = async (setup: Setup, seen: number) => {
      const running = begin(['delete', 'web'], setup);
      await expect.poll(() => running.seen.length).toBe(seen);
      running.interrupt('SIGINT');
      return running.result;
    };
    expect((await interrupted({}, 1)).err).toBe('Interrupted. Nothing was sent.\n');
    const sent = await interrupted({ answers: { status: () => row('root/web') } }, 2);
    expect(sent.err).toBe('Interrupted. The delete may have been carried out anyway; see `supertree ps`.\n');
    expect(sent.seen[1]).toEqual({ name: 'delete_child', params: { path: 'root', id: 'web' } });
  });
});

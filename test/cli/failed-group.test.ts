import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/client/client.js';
import { type Served, servedHere, until } from './process.js';

const BAD = { id: 'bad', command: ['sh', '-c', 'echo no disk >&2; exit 3'] };
const FAILED =
  'root/outer/group failed, because root/outer/group/bad failed: bad ended 1 times within 60000 ms, last with exit code 3; its last lines: "no disk"';

describe('a group that failed', () => {
  let server: Served;

  beforeAll(async () => {
    const group = { id: 'group', onExhausted: 'escalate', maxRestarts: 0, children: [BAD] };
    server = await servedHere({
      children: [{ id: 'outer', maxRestarts: 0, children: [group] }],
    });
    await until(async () => (await server.supertree('health')).code === 1);
  });
  afterAll(() => server.close());

  it('makes the server unhealthy, with the reason', async () => {
    const { out, err } = await server.supertree('health');
    expect(err).toMatch(/^UNHEALTHY: /);
    expect(out).toContain(`failed       ${FAILED}\n`);
  });

  it.each([['ps'], ['tree']])('is below the table of %s', async (command) => {
    const { code, out } = await server.supertree(command);
    expect(code).toBe(0);
    expect(out).toContain(`\n\n${FAILED}.\n`);
  });

  it('is shown by status', async () => {
    const { code, out } = await server.supertree('status', 'group');
    expect(code).toBe(0);
    expect(out).toMatch(/^status {7}failed$/m);
    expect(out).toContain(`failed       ${FAILED}\n`);
  });
});

describe('a group that is added to a server', () => {
  it('has the defaults of a server: a failure in it does not stop its siblings', async () => {
    const server = await servedHere({ maxRestarts: 0, children: [{ id: 'web', command: ['sleep', '1000'] }] });
    const client = await connect({ endpoint: server.endpoint });
    const inner = { id: 'inner', maxRestarts: 0, children: [BAD] };
    const spec = { id: 'added', maxRestarts: 0, children: [{ id: 'good', command: ['sleep', '1000'] }, inner] };
    expect(await client.request('add_child', { spec })).toEqual({ path: 'root/added' });
    await until(async () => (await client.status('bad')).detail === 'failed.exhausted');
    const { healthy, states } = await client.request('health', {});
    expect({ healthy, states }).toEqual({ healthy: true, states: { running: 2, failed: 1 } });
    await client.close();
    await server.close();
  });
});

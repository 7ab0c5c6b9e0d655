import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Served, served, until } from './process.js';

describe('a group that failed', { timeout: 60_000 }, () => {
  let server: Served;

  beforeAll(async () => {
    const bad = { id: 'bad', command: ['sh', '-c', 'echo no disk >&2; exit 3'] };
    const group = { id: 'group', onExhausted: 'escalate', maxRestarts: 0, children: [bad] };
    server = await served({
      children: [{ id: 'outer', maxRestarts: 0, children: [group] }],
    });
  });
  afterAll(() => server.close());

  it('makes the server unhealthy, with the reason', async () => {
    await until(async () => (await server.supertree('health')).code === 1);
    const { out, err } = await server.supertree('health');
    expect(err).toMatch(/^UNHEALTHY: /);
    expect(out).toMatch(
      /^failed {7}root\/outer\/group failed: root\/outer\/group\/bad ended with exit code 3, its last line: "no disk"$/m,
    );
  });

  it('is told by status', async () => {
    const { code, out } = await server.supertree('status', 'group');
    expect(code).toBe(0);
    expect(out).toMatch(/^status {7}failed$/m);
    expect(out).toMatch(/^failed {7}root\/outer\/group failed: .*exit code 3/m);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Served, servedHere, until } from './process.js';

describe('a remedy that is typed', () => {
  let server: Served;
  /** The commands of the remedy on standard error. */
  const typed = (err: string) => [...err.matchAll(/`supertree ([^`]*)`/g)].map(([, line = '']) => line.split(' '));

  beforeAll(async () => {
    server = await servedHere({ children: [{ id: 'good', command: ['sleep', '1000'] }] });
    await until(async () => (await server.supertree('ps')).out.includes('running'));
  });
  afterAll(() => server.close());

  it('names no command for a program that cannot be run: there is nothing to look at', async () => {
    const refused = await server.supertree('spawn', 'x', '--', 'nosuchcmd');
    expect(refused.err).toMatch(/^START_FAILED: .*nosuchcmd.*Correct its command/m);
    expect(typed(refused.err)).toEqual([]);
  });

  it('deletes an agent that runs', async () => {
    const refused = await server.supertree('delete', 'good');
    expect(refused.err).toMatch(/^RUNNING: /m);
    const [, remedy = []] = typed(refused.err);
    expect(remedy).toEqual(['delete', '--stop', 'root/good']);
    expect((await server.supertree(...remedy)).code).toBe(0);
  });
});

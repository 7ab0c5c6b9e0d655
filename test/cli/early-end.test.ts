import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Served, servedHere, until } from './process.js';

const DIES = ['sh', '-c', 'echo bad config >&2; exit 3'];

describe('an agent that ends as soon as it runs', () => {
  let server: Served;

  beforeAll(async () => {
    server = await servedHere({
      children: [
        { id: 'group', children: [] },
        { id: 'pool', pool: { agent: { command: DIES } } },
      ],
    });
  });
  afterAll(() => server.close());

  const stateOf = async (agent: string) => JSON.parse((await server.supertree('status', agent, '--json')).out);

  it.each(['permanent', 'transient', 'temporary'])('is reported by spawn: %s', async (restart) => {
    const { code, out, err } = await server.supertree('spawn', restart, '--restart', restart, '--', ...DIES);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(
      new RegExp(
        `ENDED_AT_ONCE: root/${restart} was started and ended after \\d+ ms: exit code 3, its last lines: "bad config"; `,
      ),
    );
    expect(err).toContain(restart === 'temporary' ? 'it is not started again' : 'its supervisor starts it again');
    expect((await stateOf(restart)).exit).toMatchObject({ code: 3 });
    const logs = await server.supertree('logs', restart, '-n', '1');
    expect(logs).toMatchObject({ code: 0, out: 'bad config\n' });
  });

  it('is reported by start and restart', async () => {
    await server.supertree(
      'spawn',
      'again',
      '--restart',
      'transient',
      '--',
      'sh',
      '-c',
      '[ {incarnation} = 1 ] && exec sleep 1000; exit 4',
    );
    const restarted = await server.supertree('restart', 'again');
    expect(restarted).toMatchObject({ code: 1, out: '' });
    expect(restarted.err).toMatch(/ENDED_AT_ONCE: root\/again .*exit code 4/);
    await server.supertree('stop', 'again');
    expect((await server.supertree('start', 'again')).err).toMatch(/ENDED_AT_ONCE: root\/again .*exit code 4/);
  });

  it('is reported by add', async () => {
    expect((await server.supertree('add', 'pool')).err).toMatch(/ENDED_AT_ONCE: root\/pool\/\S+ .*exit code 3/);
  });

  it('is done when it ends well and is not started again', async () => {
    const result = await server.supertree('spawn', 'hello', '--restart', 'temporary', '--', 'echo', 'hello');
    expect(result).toMatchObject({ code: 0 });
    expect(result.out).toMatch(/^root\/hello is completed, uuid /);
  });

  it('is not waited for with --no-wait', async () => {
    const result = await server.supertree('spawn', 'quick', '--no-wait', '--restart', 'temporary', '--', ...DIES);
    expect(result.code).toBe(0);
    await until(async () => (await stateOf('quick')).state === 'failed');
  });

  it('names supervisors by id as agents are named', async () => {
    expect(await server.supertree('spawn', 'inner', '--parent', 'group', '--', 'sleep', '1000')).toMatchObject({
      code: 0,
    });
    expect((await server.supertree('restart', 'group')).out).toBe('root/group is running\n');
    expect((await server.supertree('spawn', 'none', '--parent', 'nogroup', '--', 'sleep', '1')).err).toMatch(
      /^SUPERVISOR_NOT_FOUND: /,
    );
  });
});

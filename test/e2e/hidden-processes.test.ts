import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually, fixture } from '../contract/recorder.js';
import { PROGRAM, PYTHON, ROOT } from '../program.js';
import { isRoot, valuesOf } from '../security/other-user.js';
import { KillableServer } from './killable-server.js';
import { isRunning, MARK, processesMarked } from './proc.js';
import { sh } from './world.js';

/*
 * /proc in a mount namespace, where a user sees no process that it may not trace: none of others, and not those of its own that are not dumpable (proc(5)). It is
 * another instance: to mount the one of the machine anew with the option would hide processes there as well.
 */

const USER = isRoot ? 200_000 + process.pid : 0;
const MOUNT = 'mount -t proc -o hidepid=2 proc /proc || exit 70; exec "$@"';
const HIDDEN = isRoot
  ? ['unshare', '--mount', 'sh', '-c', MOUNT, 'sh', 'setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups']
  : ['unshare', '--map-root-user', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', MOUNT, 'sh'];

const undumpable = new URL('../fixtures/undumpable.py', import.meta.url).pathname;

/** An agent with a daemonised child, one whose processes its own user does not see, and such a one as a daemonised child. */
const AGENTS = [
  { id: 'daemon', command: sh('( setsid sleep 300 & ); echo up; exec sleep 300') },
  { id: 'hidden', command: [PYTHON, undumpable] },
  { id: 'above', command: sh(`( setsid ${PYTHON} ${undumpable} & ); exec sleep 300`) },
];

async function outputOf(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'supertree-hidden-'));
  chownSync(directory, isRoot ? USER : -1, -1);
  const [command, ...args] = [...HIDDEN, ...argv];
  const own = { PATH: process.env.PATH, HOME: '/', TMPDIR: directory };
  const child = spawn(command!, args, { cwd: ROOT, env: { ...own, ...env } });
  let text = '';
  for await (const bytes of child.stdout) text += bytes;
  rmSync(directory, { recursive: true });
  return text;
}

describe('a server whose user does not see the processes of others', () => {
  let server: KillableServer;
  beforeEach(() => {
    server = new KillableServer(isRoot ? USER : undefined);
  });
  afterEach(() => server.dispose());
  const status = (agent: string) => server.client.status(agent);

  it('starts, measures, adopts, restarts and stops agents, and knows when nothing of them is left', async () => {
    const start = { prefix: HIDDEN, env: { HOME: server.directory, TMPDIR: server.directory, XDG_RUNTIME_DIR: '' } };
    await server.start('', start);
    for (const spec of AGENTS) await server.client.spawn({ ...spec, restart: 'permanent' });
    await eventually(() => server.members('root/above').length === 2, 'the daemonised child');
    const before = await Promise.all(AGENTS.map(({ id }) => status(id)));
    const { usage } = await server.client.status('daemon', { usage: true });
    expect(usage?.memory).toBeGreaterThan(0);

    await server.kill();
    await server.start(undefined, start);
    expect(await Promise.all(AGENTS.map(({ id }) => status(id)))).toMatchObject(
      before.map(({ pid }) => ({ state: 'running', pid, restarts: 0 })),
    );

    for (const { id, pid } of before) {
      const left = server.members(`root/${id}`);
      process.kill(pid!, 'SIGKILL');
      await expect.poll(async () => (await status(id)).restarts).toBe(1);
      expect(left.filter(isRunning)).toEqual([]);
    }
    await server.client.stop('hidden');
    expect(server.members('root/hidden')).toEqual([]);
    expect(await server.terminate()).toBe(0);
    expect(server.processes()).toEqual([]);
  });
});

describe('a program whose user does not see the processes of others', () => {
  it('runs agents to their end, with all that they leave', async () => {
    const mark = randomUUID();
    const specs = [
      { command: sh('echo done') },
      { command: sh('( setsid sleep 300 & ); ( setsid sleep 300 & ); echo over') },
    ];
    const lines = await outputOf(fixture('start-each', JSON.stringify(specs)), { [MARK]: mark });
    expect(valuesOf(lines)).toEqual([
      { code: 0, text: 'done\n' },
      { code: 0, text: 'over\n' },
    ]);
    expect(processesMarked(mark)).toEqual([]);
  });

  it.runIf(isRoot)('reads in the findings of the doctor what it does not see', async () => {
    const findings = JSON.parse(await outputOf([...PROGRAM, 'doctor', '--json'])) as object[];
    expect(JSON.stringify(findings)).toMatch(
      /It is mounted with hidepid=(2|invisible): processes of other users, and own ones that are not dumpable/,
    );
  });
});

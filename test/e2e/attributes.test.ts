import { getPriority } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import type { ProcessOptions } from '../../src/model/process.js';
import { KillableServer } from './killable-server.js';
import { IMMEDIATE_RESTARTS, sh, started } from './world.js';

const isRoot = process.geteuid?.() === 0;
const UP = { type: 'log', pattern: '^up' } as const;

/** Prints everything that an agent may ask of its process, as one line. */
const SHOW = sh(
  'cat; echo up $(id -u) $(id -g) $(umask) $(nice) $(ulimit -Sn) $(ulimit -Hn) $(cat /proc/self/oom_score_adj) $USER $(env | grep -c ^LANG=) $A; exec sleep 300',
);

const nice = getPriority() + 3;
const ALL: ProcessOptions & { env: Record<string, string | null> } = {
  ...(isRoot && { user: 'nobody', group: 'daemon' }),
  umask: '027',
  nice,
  rlimits: { nofile: { soft: 64, hard: 128 } },
  oomScoreAdj: 700,
  stdin: 'closed',
  inherit: ['PATH', 'LANG'],
  env: { LANG: null, A: 'one' },
};
const SHOWN = isRoot
  ? `up 65534 1 0027 ${nice} 64 128 700 nobody 0 one`
  : `up ${process.geteuid?.()} ${process.getegid?.()} 0027 ${nice} 64 128 700 0 one`;

const OTHER: ProcessOptions & { env: Record<string, string | null> } = {
  ...(isRoot && { user: 'daemon' }),
  umask: '077',
  nice: nice + 2,
  rlimits: { nofile: 32 },
  oomScoreAdj: 800,
  stdin: 'closed',
  inherit: 'none',
  env: { A: 'two', PATH: '/usr/bin:/bin' },
};
const OTHER_SHOWN = isRoot
  ? `up 1 1 0077 ${nice + 2} 32 32 800 daemon 0 two`
  : `up ${process.geteuid?.()} ${process.getegid?.()} 0077 ${nice + 2} 32 32 800 0 two`;

const last = (lines: readonly string[]) => lines.map((line) => line.trim()).at(-1);

describe('the attributes of a process', () => {
  it('are those of each instance of a pool, also of one that was restarted or added', async () => {
    const agent = { command: SHOW, readiness: UP, ...ALL };
    const w = await started({ children: [{ id: 'p', ...IMMEDIATE_RESTARTS, pool: { size: 2, agent } }] });
    process.kill(w.pid('root/p/2'), 'SIGKILL');
    await w.reported('ready', 'root/p/2', 2);
    await w.tree.supervisor('root/p').add();
    for (const id of [1, 2, 3]) {
      const lines = w.text(`root/p/${id}`).trim().split('\n');
      expect(lines).toEqual(Array.from({ length: id === 2 ? 2 : 1 }, () => SHOWN));
    }
  });
});

describe('the attributes of a process below a server that is killed and started with another tree file', () => {
  const server = { current: null as KillableServer | null };
  afterEach(() => server.current?.dispose());

  const tomlOf = (attributes: object) => {
    const spec = { command: SHOW, readiness: UP, ...withoutNull(attributes) };
    return `[[children]]\nid = "a"\n${fields(spec)}\n[[children]]\nid = "p"\npool = { size = 1, agent = ${inline(spec)} }\n`;
  };

  it('are those of the new file from the next start on, and those of an agent that was added stay', async () => {
    const rig = new KillableServer();
    server.current = rig;
    const shown = async (ref: string) => last((await rig.client.logs(ref)).lines.map(({ text }) => text));
    await rig.start(tomlOf(ALL));
    await rig.client.spawn({ id: 'added', command: SHOW, readiness: UP, ...ALL });
    const refs = ['root/a', 'root/p/1', 'root/added'];
    for (const ref of refs) expect(await shown(ref)).toBe(SHOWN);
    await rig.kill();
    await rig.start(tomlOf(OTHER));
    for (const ref of refs) expect(await shown(ref)).toBe(SHOWN);
    for (const ref of refs) await rig.client.restart(ref);
    expect(await Promise.all(refs.map(shown))).toEqual([OTHER_SHOWN, OTHER_SHOWN, SHOWN]);
    // Agents that inherit nothing have no mark by which the rig could find and kill them.
    expect(await rig.terminate()).toBe(0);
  });
});

function withoutNull({ env, ...rest }: { env?: Record<string, string | null> } & object): object {
  const given = Object.entries(env ?? {});
  const unset = given.flatMap(([name, value]) => (value === null ? [name] : []));
  return { ...rest, unset, env: Object.fromEntries(given.filter(([, value]) => value !== null)) };
}

/** A value of TOML. */
function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([name, each]) => `${name} = ${inline(each)}`)
    .join(', ')} }`;
}

function fields(value: object): string {
  return Object.entries(value)
    .map(([name, each]) => `${name} = ${inline(each)}`)
    .join('\n');
}

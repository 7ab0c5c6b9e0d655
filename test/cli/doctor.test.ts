import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connect } from '../../src/client/client.js';
import type { Finding } from '../../src/model/finding.js';
import { examine } from '../../src/server/doctor/doctor.js';
import { leftovers } from '../../src/server/doctor/leftovers.js';
import { supertree } from './fake-host.js';
import { launch, scratch, shell, until } from './process.js';

const OTHER_CHECKS = ['node', 'platform', 'zeromq', 'keeper', 'proc', 'descriptors', 'processes', 'ports', 'directory'];

const FOUND: readonly Finding[] = [
  { check: 'node', level: 'fine', fact: 'Node 20', remedy: null },
  { check: 'proc', level: 'weaker', fact: 'It hides', remedy: 'Mount it.' },
];

describe('supertree doctor', () => {
  let place: Awaited<ReturnType<typeof scratch>>;
  beforeEach(async () => {
    place = await scratch();
    vi.stubEnv('XDG_RUNTIME_DIR', place.path);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await place.remove();
  });

  /** Examines this machine in this process, and resolves with the finding of a check. */
  const examinedHere = async (state?: string) => {
    const { endpoint } = place;
    const greet = async () => (await connect({ endpoint, patience: 5_000 })).close();
    const findings = await examine({ endpoint, greet, ...(state !== undefined && { state }) });
    return (check: string) => findings.find((finding) => finding.check === check);
  };

  /** Runs the doctor in a shell, after these commands, and reads its findings. */
  const examined = async (options = '', before = 'true') => {
    const line = `export XDG_RUNTIME_DIR=${place.path}; ${before}; supertree doctor --json ${options}`;
    const { code, out, err } = await shell(line, place.endpoint);
    expect(err).toBe('');
    const findings: Finding[] = JSON.parse(out);
    return { code, findings, of: (check: string) => findings.find((finding) => finding.check === check) };
  };

  it('finds everything fine on a machine where everything works, and exits with 0', async () => {
    const { code, findings } = await examined(`--state ${join(place.path, 'state')}`);
    // Another test may kill a server on this machine at this moment.
    expect(findings.filter(({ level, check }) => level !== 'fine' && check !== 'leftovers')).toEqual([]);
    expect(findings.map(({ check }) => check)).toEqual([...OTHER_CHECKS, 'server', 'leftovers', 'state']);
    expect(code).toBe(0);
  });

  it('prints a line for each finding, with the remedy below it, and exits with 1 only when something is broken', async () => {
    const { code, out } = await supertree(['doctor'], { findings: FOUND });
    expect([code, out]).toEqual([
      0,
      'fine    node         Node 20.\nweaker  proc         It hides.\n                     Mount it.\n',
    ]);
    const broken = { check: 'zeromq', level: 'broken', fact: 'It is missing', remedy: 'Install it.' } as const;
    const result = await supertree(['doctor', '--json'], { findings: [broken] });
    expect([result.code, JSON.parse(result.out)]).toEqual([1, [broken]]);
  });

  it('names a low limit of descriptors, a directory that other users could write, and a state directory that cannot be written', async () => {
    const directory = join(place.path, 'supertree');
    const before = `ulimit -n 512; mkdir -m 777 ${directory}; chmod 777 ${directory}`;
    const { code, of } = await examined('--state /sys/kernel', before);
    expect(of('descriptors')).toMatchObject({ level: 'weaker', fact: expect.stringContaining('At most 512 files') });
    expect(of('directory')).toMatchObject({
      level: 'broken',
      fact: expect.stringContaining('may be written by others'),
    });
    expect(of('state')).toMatchObject({ level: 'broken', fact: expect.stringContaining('/sys/kernel cannot') });
    expect(code).toBe(1);
  });

  it('names a state directory that a server has, that server when it is stopped, and what it leaves when it is killed', async () => {
    const directory = join(place.path, 'supertree');
    mkdirSync(directory, { mode: 0o700 });
    await leaveSocket(join(directory, 'supertree.sock'));
    const state = join(place.path, 'state');
    const file = join(place.path, 'tree.json');
    writeFileSync(file, JSON.stringify({ children: [{ id: 'a', command: ['sleep', '300'] }] }));
    const server = launch(['serve', file, '--state', state], { endpoint: place.endpoint });
    try {
      await until(() => server.out().includes('root is up'));
      const running = await examinedHere(state);
      expect(running('state')?.fact).toContain(`belongs to another supertree server (pid ${server.child.pid})`);
      expect(running('server')).toMatchObject({ level: 'fine', fact: `A server answers at ${place.endpoint}` });
      server.child.kill('SIGSTOP');
      expect((await examinedHere())('server')).toMatchObject({
        level: 'broken',
        fact: `An unknown process that holds its lock listens at ${place.endpoint} and gives no answer`,
      });
    } finally {
      server.child.kill('SIGKILL');
      await server.finished;
    }
    const { level, fact, remedy } = (await examinedHere())('leftovers')!;
    expect(fact).toContain(`Nothing listens at ${directory}/supertree.sock`);
    const [, pid] = new RegExp(
      `the keeper of root, pid (\\d+), has no server, and waits for one at ${state}/`,
      'i',
    ).exec(fact)!;
    expect(level).toBe('weaker');
    expect(remedy).toMatch(/`kill \d+`/);
    process.kill(Number(pid), 'SIGTERM');
    await until(async () => !(await leftovers()).fact.includes(`pid ${pid},`));
  });
});

/** A socket whose process is killed while it listens. */
async function leaveSocket(path: string): Promise<void> {
  const listens = "require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))";
  const child = spawn(process.execPath, ['-e', listens, path]);
  await new Promise((resolve) => child.on('exit', resolve));
}

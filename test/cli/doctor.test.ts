import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/model/finding.js';
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
  });
  afterEach(() => place.remove());

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

  it('names a low limit of descriptors', async () => {
    const { code, of } = await examined('', 'ulimit -n 512');
    expect(of('descriptors')).toMatchObject({ level: 'weaker', fact: expect.stringContaining('At most 512 files') });
    expect(code).toBe(0);
  });

  it('names a state directory that cannot be written, and one that a server has', async () => {
    const refused = await examined('--state /sys/kernel');
    expect(refused.of('state')).toMatchObject({ level: 'broken', fact: expect.stringContaining('/sys/kernel cannot') });
    expect(refused.code).toBe(1);
    const state = join(place.path, 'state');
    const server = launch(['serve', '--state', state], { endpoint: place.endpoint });
    try {
      await until(() => server.out().includes('is up'));
      const { of, code } = await examined(`--state ${state}`);
      expect(of('state')?.fact).toContain(`belongs to another supertree server (pid ${server.child.pid})`);
      expect(of('server')).toMatchObject({ level: 'fine', fact: `A server answers at ${place.endpoint}` });
      expect(code).toBe(0);
    } finally {
      server.child.kill('SIGTERM');
      await server.finished;
    }
  });

  it('names a server that is stopped, and the pid of it', async () => {
    const server = launch(['serve'], { endpoint: place.endpoint });
    try {
      await until(() => server.out().includes('is up'));
      server.child.kill('SIGSTOP');
      const { of, code } = await examined();
      expect(of('server')).toMatchObject({
        level: 'broken',
        fact: `An unknown process that holds its lock listens at ${place.endpoint} and gives no answer`,
      });
      expect(code).toBe(1);
    } finally {
      server.child.kill('SIGCONT');
      server.child.kill('SIGTERM');
      await server.finished;
    }
  });

  it('names sockets and keepers that killed servers have left', async () => {
    const directory = join(place.path, 'supertree');
    mkdirSync(directory, { mode: 0o700 });
    await leaveSocket(join(directory, 'supertree.sock'));
    const file = join(place.path, 'tree.json');
    writeFileSync(file, JSON.stringify({ children: [{ id: 'a', command: ['sleep', '300'] }] }));
    const state = join(place.path, 'state');
    const server = launch(['serve', file, '--state', state], { endpoint: place.endpoint });
    await until(() => server.out().includes('root is up'));
    server.child.kill('SIGKILL');
    await server.finished;
    const { of, code } = await examined();
    const { level, fact, remedy } = of('leftovers')!;
    expect(fact).toContain(`Nothing listens at ${directory}/supertree.sock`);
    const [, pid] = new RegExp(
      `the keeper of root, pid (\\d+), has no server, and waits for one at ${state}/`,
      'i',
    ).exec(fact)!;
    expect([level, code]).toEqual(['weaker', 0]);
    expect(remedy).toMatch(/`kill \d+`/);
    process.kill(Number(pid), 'SIGTERM');
    await until(async () => !(await examined()).of('leftovers')!.fact.includes(`pid ${pid},`));
  });

  it('names a directory that other users could write', async () => {
    const directory = join(place.path, 'supertree');
    const { of, code } = await examined('', `mkdir -m 777 ${directory}; chmod 777 ${directory}`);
    expect(of('directory')).toMatchObject({
      level: 'broken',
      fact: expect.stringContaining('may be written by others'),
    });
    expect(code).toBe(1);
  });
});

/** A socket whose process is killed while it listens. */
async function leaveSocket(path: string): Promise<void> {
  const listens = "require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))";
  const child = spawn(process.execPath, ['-e', listens, path]);
  await new Promise((resolve) => child.on('exit', resolve));
}

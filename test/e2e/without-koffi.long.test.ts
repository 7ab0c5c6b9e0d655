import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { missingWithoutKoffi } from '../../src/drivers/promises.js';
import type { Finding } from '../../src/model/finding.js';
import { environment, until } from '../cli/process.js';
import { eventually } from '../contract/recorder.js';
import { PYTHON, ROOT } from '../program.js';

const TREE = { children: [{ id: 'a', command: ['sh', '-c', 'echo up; exec sleep 300'] }] };

/** The reason that is reported where koffi is not installed, where it has no binary, and where the system refuses what the keeper asks of it. */
const CASES = [
  ['koffi is left out', "Cannot find module 'koffi'"],
  ['koffi has no binary', 'no binary for this machine'],
  ['prctl is refused', 'prctl(PR_SET_CHILD_SUBREAPER) failed with errno 1'],
] as const;

describe.each(CASES)('a server where %s', (how, reason) => {
  let place: string;
  let run: number;
  const servers = new Set<ChildProcess>();

  beforeAll(() => {
    place = mkdtempSync(join(tmpdir(), 'supertree-koffi-'));
    cpSync(join(ROOT, 'dist'), join(place, 'dist'), { recursive: true });
    cpSync(join(ROOT, 'package.json'), join(place, 'package.json'));
    const packages = join(place, 'node_modules');
    mkdirSync(packages);
    for (const name of readdirSync(join(ROOT, 'node_modules')))
      if (how === 'prctl is refused' || !['koffi', '@koromix', '.cache', '.bin'].includes(name))
        symlinkSync(join(ROOT, 'node_modules', name), join(packages, name));
    if (how === 'koffi has no binary') {
      mkdirSync(join(packages, 'koffi'));
      writeFileSync(join(packages, 'koffi/index.js'), "throw new Error('no binary for this machine');");
    }
    writeFileSync(join(place, 'tree.json'), JSON.stringify(TREE));
    run = 0;
  });
  beforeEach(() => {
    run += 1;
  });
  afterAll(async () => {
    for (const server of servers) server.kill('SIGKILL');
    rmSync(place, { recursive: true, force: true });
  });

  const supertree = (...argv: string[]) => {
    const env = { ...environment(`ipc://${place}/${run}.sock`), XDG_RUNTIME_DIR: place };
    const program = [process.execPath, join(place, 'dist/cli/main.js')];
    const filter = how === 'prctl is refused' ? [PYTHON, join(ROOT, 'test/fixtures/without-subreaper.py')] : [];
    const [command, ...args] = [...filter, ...program, ...argv];
    const child = spawn(command!, args, { env });
    const texts: string[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => texts.push(String(bytes)));
    return { child, text: () => texts.join(''), ended: once(child, 'close').then(([code]) => code as number | null) };
  };

  const serve = async (...options: string[]) => {
    const server = supertree('serve', join(place, 'tree.json'), ...options);
    servers.add(server.child);
    await until(() => server.text().includes('root is up'));
    return server;
  };

  const pidOf = async (agent: string): Promise<number> => {
    const status = supertree('status', agent, '--json');
    await status.ended;
    return JSON.parse(status.text()).pid;
  };

  it('says in its first report what is missing, and why', async () => {
    const server = await serve();
    expect(server.text()).toContain(
      `the keeper works without koffi (${reason}), and so without: ${missingWithoutKoffi()}`,
    );
    server.child.kill('SIGTERM');
    expect(await server.ended).toBe(0);
  });

  it('is told so by the doctor, which finds nothing broken', async () => {
    const doctor = supertree('doctor', '--json');
    expect(await doctor.ended).toBe(0);
    const found = (JSON.parse(doctor.text()) as Finding[]).find(({ check }) => check === 'keeper');
    expect(found).toMatchObject({ level: 'weaker', fact: expect.stringContaining(missingWithoutKoffi()) });
  });

  // What follows is the same for each reason.
  if (how !== CASES[0][0]) return;

  it('leaves no agent behind when it is killed', async () => {
    const server = await serve();
    const pid = await pidOf('a');
    server.child.kill('SIGKILL');
    await server.ended;
    await eventually(() => !exists(pid), 'the end of the agent');
  });

  it('takes over the agents of a server that was killed', async () => {
    const state = join(place, 'state');
    const first = await serve('--state', state);
    const pid = await pidOf('a');
    first.child.kill('SIGKILL');
    await first.ended;
    const second = await serve('--state', state);
    expect(await pidOf('a')).toBe(pid);
    const logs = supertree('logs', 'a');
    await logs.ended;
    expect(logs.text()).toContain('up');
    second.child.kill('SIGTERM');
    expect(await second.ended).toBe(0);
    expect(exists(pid)).toBe(false);
  });
});

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

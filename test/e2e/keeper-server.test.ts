import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../contract/recorder.js';
import { ROOT } from '../program.js';
import { isRunning, MARK, processesMarked, processFacts } from './proc.js';

const AGENTS = `
[[children]]
id = "plain"
command = ["sleep", "300"]
[[children]]
id = "daemon"
command = ["sh", "-c", "setsid sleep 300 & exec sleep 300"]
`;

let directory: string;
let mark: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'supertree-serve-'));
  mark = randomUUID();
});
afterEach(() => {
  for (const { pid } of processesMarked(mark)) process.kill(pid, 'SIGKILL');
  rmSync(directory, { recursive: true });
});

/** Runs a server for a tree file with the agents, until they run. */
async function serve(settings: string, ...flags: string[]): Promise<ChildProcess> {
  const file = join(directory, 'tree.toml');
  writeFileSync(file, `${settings}${AGENTS}`);
  const args = ['serve', file, '--endpoint', `ipc://${join(directory, 's.sock')}`, ...flags];
  const env = { ...process.env, [MARK]: mark };
  const server = spawn(process.execPath, [join(ROOT, 'dist/cli/main.js'), ...args], { env, stdio: 'ignore' });
  await eventually(() => membersOf('plain').length === 1 && membersOf('daemon').length === 2, 'the agents');
  return server;
}

function membersOf(id: string): number[] {
  return processesMarked(mark, `root/${id}`).map(({ pid }) => pid);
}

describe('a server with the driver keeper', () => {
  it.each([
    ['a flag', '', ['--driver', 'keeper']],
    ['its file', '[server]\ndriver = "keeper"\n', []],
  ])('leaves nothing when it is killed; told by %s', async (_, settings, flags) => {
    const server = await serve(settings, ...flags);
    const [agent] = membersOf('plain');
    expect(processFacts(agent!)!.parent).not.toBe(server.pid);
    server.kill('SIGKILL');
    await once(server, 'exit');
    await eventually(() => processesMarked(mark).length === 0, 'the end of agents and keeper');
  });

  it('takes precedence as a flag over the file, and stops everything at SIGTERM', async () => {
    const server = await serve('[server]\ndriver = "keeper"\n', '--driver', 'local');
    const agents = [...membersOf('plain'), ...membersOf('daemon')];
    expect(processFacts(membersOf('plain')[0]!)!.parent).toBe(server.pid);
    server.kill('SIGTERM');
    expect(await once(server, 'exit')).toEqual([0, null]);
    expect(agents.filter(isRunning)).toEqual([]);
  });
});

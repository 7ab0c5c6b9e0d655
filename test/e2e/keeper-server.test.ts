import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventually } from '../contract/recorder.js';
import { PROGRAM } from '../program.js';
import { markedEach } from './marked.js';
import { isRunning, processFacts } from './proc.js';

const AGENTS = `
[[children]]
id = "plain"
command = ["sleep", "300"]
[[children]]
id = "daemon"
command = ["sh", "-c", "setsid sleep 300 & exec sleep 300"]
`;

const marked = markedEach();

/** Runs a server for a tree file with the agents, until they run. */
async function serve(settings: string, ...flags: string[]): Promise<ChildProcess> {
  const { directory, env } = marked();
  const file = join(directory, 'tree.toml');
  writeFileSync(file, `${settings}${AGENTS}`);
  const [node, ...program] = PROGRAM;
  const args = [...program, 'serve', file, '--endpoint', `ipc://${join(directory, 's.sock')}`, ...flags];
  const server = spawn(node, args, { env, stdio: 'ignore' });
  await eventually(() => membersOf('plain').length === 1 && membersOf('daemon').length === 2, 'the agents');
  return server;
}

function membersOf(id: string): number[] {
  return marked().pids(`root/${id}`);
}

describe('a server with the driver', () => {
  it('keeper, which its flag says before its file, leaves nothing when it is killed', async () => {
    const server = await serve('[server]\ndriver = "local"\n', '--driver', 'keeper');
    const [agent] = membersOf('plain');
    expect(processFacts(agent!)!.parent).not.toBe(server.pid);
    server.kill('SIGKILL');
    await once(server, 'exit');
    await eventually(() => marked().pids().length === 0, 'the end of agents and keeper');
  });

  it('local, which its file says, stops everything at SIGTERM', async () => {
    const server = await serve('[server]\ndriver = "local"\n');
    const agents = [...membersOf('plain'), ...membersOf('daemon')];
    expect(processFacts(membersOf('plain')[0]!)!.parent).toBe(server.pid);
    server.kill('SIGTERM');
    expect(await once(server, 'exit')).toEqual([0, null]);
    expect(agents.filter(isRunning)).toEqual([]);
  });
});

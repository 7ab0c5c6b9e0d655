import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventually } from '../contract/recorder.js';
import { PROGRAM } from '../program.js';
import { markedEach } from './marked.js';
import { allowsPidNamespace, PID_NAMESPACE } from './pid-namespace.js';
import { processFacts } from './proc.js';

/*
 * Servers and programs in a PID namespace of their own, as in a container. Its first process has to reap orphans; a server without an init is that process.
 */

const [unshare, ...flags] = PID_NAMESPACE;

const AGENTS = {
  maxRestarts: 1_000,
  backoff: { initial: 10, max: 10 },
  children: [
    { id: 'daemon', command: ['sh', '-c', '( setsid sleep 300 & ); exec sleep 300'] },
    { id: 'job', command: ['sh', '-c', '( sleep 0.2 & ); sleep 0.3; exit 1'] },
  ],
};

const marked = markedEach();

describe.runIf(allowsPidNamespace)('a server in a container', () => {
  it.each([
    ['without an init', 'exec "$@"'],
    ['below an init', '"$@" & wait'],
  ])('%s restarts an agent that leaves orphans, and ends with all of them', async (_, script) => {
    const { host, lines } = serve(script);
    const exits = () => lines().filter(({ report }) => report?.type === 'exited' && report.path === 'root/job');
    await eventually(() => exits().length >= 5, 'five restarts');
    expect(lines().filter(({ report }) => report?.type === 'zombie')).toEqual([]);
    process.kill(serverBelow(host.pid!), 'SIGTERM');
    await once(host, 'close');
    expect(lines().at(-1)).toMatchObject({ msg: 'stopped', clean: true, left: [] });
    expect(marked().pids()).toEqual([]);
  });

  it('without an init reaps what its keeper leaves that is killed, and restarts the agents', async () => {
    const { host, lines } = serve('exec "$@"');
    const starts = () => lines().filter(({ report }) => report?.type === 'started' && report.path === 'root/daemon');
    await eventually(() => starts().length === 1, 'the start');
    const server = serverBelow(host.pid!);
    process.kill(keeperBelow(server)!, 'SIGKILL');
    await eventually(() => starts().length === 2, 'the restart');
    await eventually(() => defunctBelow(server).length === 0, 'no defunct process');
    process.kill(server, 'SIGTERM');
    await once(host, 'close');
    expect(starts()).toHaveLength(2);
    expect(lines().at(-1)).toMatchObject({ msg: 'stopped', clean: true, left: [] });
  });
});

interface LogLine {
  readonly msg: string;
  readonly report?: { readonly type: string; readonly path: string };
}

function serve(script: string): { host: ChildProcess; lines: () => LogLine[] } {
  const { directory, env } = marked();
  const file = join(directory, 'tree.json');
  writeFileSync(file, JSON.stringify(AGENTS));
  const server = [...PROGRAM, 'serve', file, '--endpoint', `ipc://${join(directory, 's.sock')}`];
  const host = spawn(unshare, [...flags, 'sh', '-c', script, 'sh', ...server], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  host.stdout.on('data', (bytes) => {
    text += bytes;
  });
  const lines = () => text.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
  return { host, lines: () => lines().map((line) => JSON.parse(line) as LogLine) };
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}

function keeperBelow(server: number): number | undefined {
  return childrenOf(server).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('supertree-keeper'));
}

function defunctBelow(server: number): number[] {
  return childrenOf(server).filter((pid) => processFacts(pid)?.state === 'Z');
}

/** The process that runs the server: the first of the namespace, or its child. */
function serverBelow(pid: number): number {
  const [child] = childrenOf(pid);
  const isServer = readFileSync(`/proc/${child}/cmdline`, 'utf8').startsWith(process.execPath);
  return isServer ? child! : serverBelow(child!);
}

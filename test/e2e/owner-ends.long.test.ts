import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Fate, OWNER_ENDS, type OwnerEnd } from '../../docs/owner-ends.js';
import { eventually, fixture } from '../contract/recorder.js';
import { PROGRAM } from '../program.js';
import { MARK, processesMarked, processFacts } from './proc.js';

/*
 * What becomes of the agents when the program above them ends: each cell of the table in docs/drivers.md. Below the program there are an agent, one that leaves
 * a daemon behind, and one that embeds a tree with the same again.
 */

type Owner = Exclude<keyof OwnerEnd, 'how'>;
type Name = keyof typeof OWNER_ENDS;

const NAMES = Object.keys(OWNER_ENDS) as Name[];

/** Of each level: the program, its keeper, an agent, and two processes of the agent with a daemon. */
const LEVEL = 5;

/** How many trees there are, one within another: to the inner ones most ways are the same. */
const levelsOf = (names: readonly Name[]) => (names.includes('SIGKILL') || names.includes('SIGTERM') ? 3 : 2);

let directory: string;
let mark: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'supertree-owner-'));
  mark = randomUUID();
});
afterEach(() => {
  for (const { pid } of processesMarked(mark)) process.kill(pid, 'SIGKILL');
  rmSync(directory, { recursive: true });
});

/**
 * Runs that have each cell once. The ways that leave the agents running need no agents of their own: they come first in one run, before SIGTERM ends it.
 */
const RUNS = (['embedded', 'server', 'keeping'] as const).flatMap((owner) => {
  const of = (isWanted: (fate: Fate | null) => boolean) => NAMES.filter((name) => isWanted(OWNER_ENDS[name][owner]));
  const [others, ended] = [of((fate) => fate === 'kept' || fate === 'unaffected'), of((fate) => fate === 'ended')];
  return ended.map((name) => [owner, name === 'SIGTERM' ? [...others, name] : [name]] as const);
});

describe('the agents of a program', () => {
  it.each(RUNS)('(%s) have the fate that the table says: %s', async (owner, names) => {
    const levels = levelsOf(names);
    let program = launch(owner, levels, names);
    await eventually(() => isComplete(program, levels * LEVEL), 'all agents');
    for (const name of names) {
      const before = pids();
      await end(program, name);
      const fate: Fate | null = OWNER_ENDS[name][owner];
      if (fate === 'kept') program = await successor(program, levels, before);
      else if (fate === 'unaffected') expect(pids()).toEqual(before);
      else await eventually(() => pids().every((pid) => name === 'thread' && pid === program.pid), 'the end of all');
    }
  });
});

/** Ends the program, or brings it close to it. */
async function end(program: ChildProcess, name: Name): Promise<void> {
  if (name === 'returns') return;
  if (name === 'SIGSTOP') return stopForAWhile(program);
  writeFileSync(join(directory, 'way'), name);
  program.kill(name.startsWith('SIG') ? (name as NodeJS.Signals) : 'SIGWINCH');
  if (name === 'descriptors') await prints(program, 'used up: EMFILE');
}

async function stopForAWhile(program: ChildProcess): Promise<void> {
  program.kill('SIGSTOP');
  await sleep(3_000);
  program.kill('SIGCONT');
  await sleep(500);
}

/** The next server with the same state directory, when it has taken over what the last one left: all its processes. */
async function successor(last: ChildProcess, levels: number, before: readonly number[]): Promise<ChildProcess> {
  await eventually(() => processFacts(last.pid!) === undefined, 'the end of the server');
  const next = launch('keeping', levels);
  await prints(next, 'is up');
  const others = (list: readonly number[], own: number | undefined) => list.filter((pid) => pid !== own);
  expect(others(pids(), next.pid)).toEqual(others(before, last.pid));
  return next;
}

/** Runs a program with a small heap and few descriptors. */
function launch(owner: Owner, levels: number, names: readonly Name[] = []): ChildProcess {
  const hook = new URL(`../fixtures/ends-on-signal.mjs?${join(directory, 'way')}`, import.meta.url).href;
  const [node, ...rest] =
    owner === 'embedded' ? fixture('owner', levels, names.includes('thread') ? 'thread' : '') : server(owner, levels);
  const command = [node!, '--max-old-space-size=100', '--import', hook, ...rest];
  const words = ['-c', 'ulimit -n 256; ulimit -c 0; exec "$@"', 'sh', ...command];
  return spawn('sh', words, { env: { ...process.env, [MARK]: mark }, stdio: ['ignore', 'pipe', 'ignore'] });
}

function prints(program: ChildProcess, expected: string): Promise<void> {
  let text = '';
  program.stdout!.on('data', (bytes) => {
    text += bytes;
  });
  return eventually(() => text.includes(expected), expected);
}

function server(owner: Owner, levels: number): string[] {
  const stop = { ask: 20_000 };
  const children = [
    { id: 'plain', command: ['sleep', '300'], stop },
    { id: 'daemon', command: ['sh', '-c', '( setsid sleep 300 & ); exec sleep 300'], stop },
    { id: 'inner', command: fixture('owner', levels - 1), stop },
  ];
  const file = join(directory, 'tree.json');
  writeFileSync(file, JSON.stringify({ children }));
  const state = owner === 'keeping' ? ['--state', join(directory, 'state')] : [];
  return [...PROGRAM, 'serve', file, '--endpoint', `ipc://${join(directory, 's.sock')}`, ...state];
}

/** A shell that is about to start a daemon is in the session of its agent; all others have sessions of their own. */
function isComplete(program: ChildProcess, count: number): boolean {
  const processes = processesMarked(mark);
  return processes.length === count && processes.every(({ pid, session }) => pid === session || pid === program.pid);
}

function pids(): number[] {
  return processesMarked(mark).map(({ pid }) => pid);
}

import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentProcesses } from './agent-processes.js';
import type { Figures } from './measurement.js';
import { median } from './statistics.js';
import { numbers, type OpenSupervisor, type Supervisor } from './supervisor.js';
import { shareOf } from './user-process.js';

const STORMS = 3;
/** How long agents are killed one by one at most, in ms: a supervisor may look for ended processes once a second only. */
const SINGLE_KILLS = 10_000;

/**
 * Starts all agents, kills a fifth of them one by one and three fifths in three storms, and stops the last fifth. No agent is killed twice: a
 * supervisor may treat one that ends soon after its start differently.
 */
export async function supervisorRun(open: OpenSupervisor, count: number): Promise<Figures> {
  const agents = new AgentProcesses(count, String(process.pid));
  const supervisor = await open(agents, mkdtempSync(join(tmpdir(), 'supervisor-')));
  const fifth = (n: number) => numbers(agents).slice((n * count) / 5, ((n + 1) * count) / 5);
  const empty = await settledMemory(supervisor, agents);
  const start = await timed(() => Promise.all([supervisor.start(), agents.allRun()]));
  const memory = (await settledMemory(supervisor, agents)) - empty;
  agents.expectRunning();
  const p50 = await singleKills(agents, fifth(0));
  const storms: number[] = [];
  for (let n = 1; n <= STORMS; n++) storms.push(await killed(agents, fifth(n)));
  const last = fifth(4);
  const stop = await timed(() => Promise.all([supervisor.stop(last), agents.areGone(last)]));
  agents.expectRunning();
  return { start, memory: memory / count, p50, storm: median(storms), stop };
}

async function singleKills(agents: AgentProcesses, some: readonly number[]): Promise<number> {
  const times: number[] = [];
  const end = performance.now() + SINGLE_KILLS;
  for (const agent of some) {
    times.push(await killed(agents, [agent]));
    if (performance.now() > end) break;
    await sleep(2);
  }
  return median(times);
}

/** From SIGKILL until others run in their places, in ms. */
async function killed(agents: AgentProcesses, some: readonly number[]): Promise<number> {
  agents.forgetOthers();
  const pids = some.map((agent) => agents.pidOf(agent));
  return timed(async () => {
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await agents.areReplaced(some, pids);
  });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

/** The proportional share of memory of the supervisor in all its processes, in KB, 1.5 s from now; 0 while it does not run. */
async function settledMemory(supervisor: Supervisor, agents: AgentProcesses): Promise<number> {
  await sleep(1_500);
  const pid = supervisor.pid();
  if (pid === null) return 0;
  const own = [pid, ...descendantsOf(pid)].filter((each) => !agents.isAgent(each));
  return own.reduce((sum, each) => sum + shareOf(each), 0);
}

function descendantsOf(pid: number): number[] {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const lists = tasks.map((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8'));
  const children = lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

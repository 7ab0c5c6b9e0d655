/**
 * A server with a state directory that is killed again and again, with agents that print numbered lines and hold a lock each. Prints figures; ends with 1
 * when a line was lost or doubled, a lock was taken twice, or an agent was restarted although its keeper lived. With `both` the keeper is killed as well at
 * random, alone or with the server: then agents are started anew, and none may run twice.
 *
 *     tsx test/soak/adoption.ts [KILLS=20] [AGENTS=100] [both]
 */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { KillableServer } from '../e2e/killable-server.js';
import { processFacts } from '../e2e/proc.js';

const kills = Number(process.argv[2] ?? 20);
const count = Number(process.argv[3] ?? 100);
const isBoth = process.argv[4] === 'both';

const server = new KillableServer();
const doubles = `${server.directory}/doubles`;
const times: number[] = [];

/** Each takes its lock or notes that another incarnation has it, then counts; it starts no process for its pauses, which would keep the cores busy. */
function treeFile(): string {
  const agents = Array.from({ length: count }, (_, at) => {
    const take = `exec 9>lock-${at}; flock -n 9 || { echo ${at} >>doubles; exit 1; }`;
    const script = `${take}; exec 8<> <(:); n=0; while :; do n=$((n+1)); echo line $n; read -t 0.5 -u 8; done`;
    return `[[children]]\nid = "a${at}"\ncommand = ["bash", "-c", '${script}']\ncwd = "${server.directory}"\nstop = { ask = 1000 }\n`;
  });
  return `maxRestarts = 1000\n${agents.join('')}`;
}

async function run(): Promise<void> {
  await server.start(treeFile());
  const pids = await pidsOf();
  const follower = isBoth ? null : follow('a0');
  for (let kill = 0; kill < kills; kill += 1) {
    await sleep(Math.random() * 2000);
    const keeper = isBoth && Math.random() < 0.5 ? processFacts(Object.values(await pidsOf())[0]!)?.parent : undefined;
    const isServer = keeper === undefined || Math.random() < 0.5;
    if (isServer) await server.kill();
    if (keeper !== undefined) process.kill(keeper, 'SIGKILL');
    const began = performance.now();
    if (isServer) await server.start();
    times.push(performance.now() - began);
  }
  await sleep(3000);
  process.exitCode = (isBoth ? await isSingle() : await isUntouched(pids, follower!)) ? 0 : 1;
}

async function pidsOf(): Promise<Record<string, number | null>> {
  return Object.fromEntries((await server.client.agents()).map(({ id, pid }) => [id, pid]));
}

/** Follows the log of an agent; the result has the numbers of the lines so far. */
function follow(agent: string): number[] {
  const seqs: number[] = [];
  void (async () => {
    for await (const item of server.client.logs(agent, { follow: true, from: 0 }))
      if (item.type === 'line') seqs.push(item.seq);
  })().catch(() => {});
  return seqs;
}

async function isUntouched(before: Record<string, number | null>, followed: number[]): Promise<boolean> {
  const after = await pidsOf();
  const restarted = Object.keys(before).filter((id) => before[id] !== after[id]);
  let [lines, faults] = [0, 0];
  for (const id of Object.keys(before)) {
    const page = await server.client.logs(id, { stream: 'stdout' });
    lines += page.lines.length;
    faults += page.lines.filter(({ seq, text }, at) => seq !== at || text !== `line ${seq + 1}\n`).length;
  }
  const jumps = followed.filter((seq, at) => seq !== at).length;
  const taken = existsSync(doubles) ? readFileSync(doubles, 'utf8') : '';
  console.log(`${kills} kills, ${count} agents: ${restarted.length} with another pid, ${lines} lines, ${faults} wrong`);
  console.log(`followed ${followed.length} lines with ${jumps} jumps; locks taken twice: ${taken.trim() || 'none'}`);
  console.log(`from the start of a server until all is taken over: ${times.map(Math.round).join(' ')} ms`);
  return restarted.length + faults + jumps === 0 && taken === '' && lines > 0;
}

/** Each agent runs once, and no incarnation has found the lock of another. */
async function isSingle(): Promise<boolean> {
  const until = performance.now() + 60_000;
  const states = async () => (await server.client.agents()).filter(({ state }) => state !== 'running').length;
  while ((await states()) > 0 && performance.now() < until) await sleep(200);
  const mains = Array.from({ length: count }, (_, at) => server.mains(`root/a${at}`));
  const wrong = mains.filter(({ length }) => length !== 1).length;
  const taken = existsSync(doubles) ? readFileSync(doubles, 'utf8') : '';
  console.log(`${kills} kills, ${count} agents: ${await states()} not running, ${wrong} not exactly once`);
  console.log(`locks taken twice: ${taken.trim() || 'none'}`);
  return wrong === 0 && taken === '';
}

try {
  await run();
} finally {
  await server.dispose();
}
